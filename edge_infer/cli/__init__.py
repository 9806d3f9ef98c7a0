"""The command line: `edge-infer COMMAND …`, one file a command.

Only click is imported here and at the top of the command files; numpy and onnxruntime
come in when a command runs, so `--help` and `--version` answer at once.

Exit codes: 0 all fine; 1 some inputs failed, the others were answered; 2 usage;
3 model or provider; 4 camera; 130 interrupted.
"""

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import edge_infer
from edge_infer.cli.classify import classify
from edge_infer.cli.models import models
from edge_infer.cli.webcam import webcam
from edge_infer.errors import CameraError, EdgeInferError, OutputError
from edge_infer.writers import one_line

EXIT_INPUTS_FAILED = 1
EXIT_MODEL = 3
EXIT_CAMERA = 4
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(edge_infer.__version__, prog_name="edge-infer")
def cli() -> None:
    """Classify pictures with small ONNX models, offline, on a CPU."""


cli.add_command(classify)
cli.add_command(models)
cli.add_command(webcam)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; every expected error is one line on stderr."""
    _prepare_stdout()
    try:
        code = cli.main(arguments, prog_name="edge-infer", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has left. Point stdout at nothing, or Python reports the
        # same error once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_INPUTS_FAILED
    except OutputError as error:
        click.echo(one_line(f"Error: {error}"), err=True)
        code = EXIT_INPUTS_FAILED
    except CameraError as error:
        click.echo(one_line(f"Error: {error}"), err=True)
        code = EXIT_CAMERA
    except EdgeInferError as error:  # input errors have become records by now
        click.echo(one_line(f"Error: {error}"), err=True)
        code = EXIT_MODEL
    except OSError as error:  # a full disk under stdout
        click.echo(f"Error: the results cannot be written: {error.strerror}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_INPUTS_FAILED
    sys.exit(code)


def _prepare_stdout() -> None:
    if sys.stdout is None:  # closed by the caller (`>&-`)
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the whole process
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that is not UTF-8 (or a label outside the terminal's encoding) is shown escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
