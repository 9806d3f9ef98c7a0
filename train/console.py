"""How `python -m train` and `python -m export` end: exit codes, and one line for an expected error."""

import sys
from typing import NoReturn

import click

from edge_infer.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_TERMINATED
from edge_infer.cli.interrupts import run_interruptible
from edge_infer.cli.writers import one_line
from edge_infer.errors import EdgeInferError


def run(command: click.Command, name: str, *, interrupted: str) -> NoReturn:
    """Run a command on the process's arguments and exit.

    Args:
        command: What to run.
        name: What the user types for it.
        interrupted: What Ctrl-C leaves behind, in one line.
    """
    code = run_interruptible(lambda: _run(command, name))
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        click.echo(interrupted, err=True)
    sys.exit(code)


def _run(command: click.Command, name: str) -> int:
    try:
        code: int = command.main(prog_name=name, standalone_mode=False)
        return code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except (EdgeInferError, OSError) as error:
        click.echo(one_line(f"Error: {error}"), err=True)
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        click.echo(f'Error: {error.name} is not installed: pip install ".[train,export]" in the repository', err=True)
        return EXIT_FAILED
