"""What was typed, for a result that somebody wants to repeat."""

import shlex
import sys


def typed_command() -> str:
    """Return this process's command line, the interpreter without its folder."""
    return shlex.join(["python", *sys.orig_argv[1:]])
