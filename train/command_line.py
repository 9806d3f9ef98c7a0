"""How `python -m train` and `python -m export` end: exit codes, and one line for an expected error."""

import sys
from typing import NoReturn

import click

from edge_infer.errors import EdgeInferError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def run(command: click.Command, name: str, *, interrupted: str) -> NoReturn:
    """Run a command on the process's arguments and exit.

    Args:
        command: What to run.
        name: What the user types for it.
        interrupted: What Ctrl-C leaves behind, in one line.
    """
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(interrupted, err=True)
        code = EXIT_INTERRUPTED
    except (EdgeInferError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        code = EXIT_FAILED
    except ModuleNotFoundError as error:
        click.echo(f'Error: {error.name} is not installed: pip install ".[train,export]" in the repository', err=True)
        code = EXIT_FAILED
    sys.exit(code)
