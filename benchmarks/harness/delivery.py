"""Hand a result over in several forms, so that one that fails does not lose the others."""

import os
import sys
from collections.abc import Callable

import click

from benchmarks.harness.machine import NotMeasuredError, reason
from train.progress import say


def delivered(failure: str, deliver: Callable[[], None]) -> bool:
    """Deliver one form of a result and return whether that worked; if not, say why in one line.

    Args:
        failure: The beginning of that line, such as `the table cannot be printed`.
        deliver: Prints, writes or draws.
    """
    try:
        deliver()
    except (OSError, NotMeasuredError) as error:
        say(f"Error: {failure}: {reason(error)}")
        return False
    return True


def print_text(text: str) -> None:
    """Print to standard output.

    Raises:
        OSError: It cannot be written.
    """
    try:
        click.echo(text)
        sys.stdout.flush()
    except OSError:
        # Or Python reports the same error once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
