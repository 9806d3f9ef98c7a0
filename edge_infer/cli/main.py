"""The command line: `edge-infer COMMAND …`, one file a command.

Only click is imported here and at the top of the command files; numpy and onnxruntime
come in when a command runs, so `--help` and `--version` answer at once.
"""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

import edge_infer
from edge_infer.cli.bulk import bulk
from edge_infer.cli.classify import classify
from edge_infer.cli.doctor import doctor
from edge_infer.cli.exit_codes import EXIT_CAMERA, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_MODEL, EXIT_TERMINATED
from edge_infer.cli.interrupts import run_interruptible
from edge_infer.cli.models import models
from edge_infer.cli.report import report
from edge_infer.cli.webcam import webcam
from edge_infer.cli.writers import one_line
from edge_infer.errors import BulkError, CameraError, EdgeInferError, NoImagesError, OutputError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(edge_infer.__version__, prog_name="edge-infer")
def cli() -> None:
    """Classify pictures with small ONNX models, offline, on a CPU."""


cli.add_command(classify)
cli.add_command(report)
cli.add_command(models)
cli.add_command(webcam)
cli.add_command(doctor)
cli.add_command(bulk)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; every expected error is one line on stderr."""
    _prepare_stdout()
    code = run_interruptible(lambda: _run(arguments))
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        _say("Interrupted.")
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code: int = cli.main(arguments, prog_name="edge-infer", standalone_mode=False)
        sys.stdout.flush()
        return code
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has left
        _write_nowhere()
        return EXIT_FAILED
    except (BulkError, NoImagesError, OutputError) as error:
        _say(one_line(f"Error: {error}"))
        return EXIT_FAILED
    except CameraError as error:
        _say(one_line(f"Error: {error}"))
        return EXIT_CAMERA
    except EdgeInferError as error:  # input errors have become records by now
        _say(one_line(f"Error: {error}"))
        return EXIT_MODEL
    except OSError as error:  # a full disk under stdout, a terminal that is gone
        _write_nowhere()
        what = "the results cannot be written" if error.filename is None else f"{error.filename} cannot be used"
        _say(one_line(f"Error: {what}: {error.strerror}"))
        return EXIT_FAILED
    finally:
        with suppress(OSError):  # which was said above
            sys.stdout.flush()  # while a signal that comes twice is still taken for one


def _say(message: str) -> None:
    with suppress(OSError):  # stderr may be what has failed
        click.echo(message, err=True)


def _write_nowhere() -> None:
    """Point stdout at nothing, or Python reports the same error once more while it shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare_stdout() -> None:
    if sys.stdout is None:  # closed by the caller (`>&-`)
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the whole process
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that is not UTF-8 (or a label outside the terminal's encoding) is shown escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
