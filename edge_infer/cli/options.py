"""The options that say which model to run and how, shared by the commands that run one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import click
from click.core import ParameterSource

from edge_infer.cli.number_range import NumberRange
from edge_infer.faces.mode import FaceMode
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier

DEFAULT_TASK = "gems"

_ANSWER_OPTIONS = (
    click.option("--task", default=DEFAULT_TASK, show_default=True, help="Bundled model to use."),
    click.option("--model", metavar="FILE", help="Model file to use instead of a bundled one."),
    click.option("--top", type=click.IntRange(min=1), metavar="K", help="Show the K best classes."),
    click.option(
        "--min-score",
        type=NumberRange(0, 1),
        metavar="X",
        help="Call answers below this score (0-1) uncertain; default: the model's own.",
    ),
    click.option(
        "--min-known",
        type=NumberRange(0, 1),
        metavar="X",
        help="Call pictures below this known (0-1) none of these; default: the model's own.",
    ),
)
_RUNTIME_OPTIONS = (
    click.option("--threads", type=click.IntRange(1, 256), help="Threads to compute with; default: all usable cores."),
    click.option("--provider", default="cpu", show_default=True, help="onnxruntime execution provider."),
)
_PICTURE_OPTIONS = (
    click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        default=DEFAULT_MAX_PIXELS,
        show_default=True,
        metavar="N",
        help="Refuse pictures that decode to more pixels.",
    ),
    click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        default=DEFAULT_MAX_BYTES,
        show_default=True,
        metavar="N",
        help="Refuse larger files.",
    ),
    click.option(
        "--rotate",
        type=click.Choice(["90", "180", "270"]),
        help="Turn each picture clockwise, in degrees, after its EXIF orientation.",
    ),
    click.option("--recursive", is_flag=True, help="Descend into sub-folders."),
)

Command = Callable[..., None]

faces_option = click.option(
    "--faces",
    type=click.Choice(get_args(FaceMode)),
    default="auto",
    show_default=True,
    help="For a model of faces: answer for each face, and for the whole picture if there is none (auto), "
    "never (always), or at once (never).",
)


def answer_options(command: Command) -> Command:
    """Add --task, --model, --top, --min-score and --min-known."""
    return _with(_ANSWER_OPTIONS, command)


def model_options(command: Command) -> Command:
    """Add --task, --model, --top, --min-score, --min-known, --threads and --provider."""
    return _with(_ANSWER_OPTIONS + _RUNTIME_OPTIONS, command)


def picture_options(command: Command) -> Command:
    """Add --max-pixels, --max-bytes, --rotate and --recursive."""
    return _with(_PICTURE_OPTIONS, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def load_classifier(context: click.Context, task: str, model: str | None, **options: Any) -> "Classifier":  # noqa: ANN401
    """Load the model that was asked for.

    Args:
        context: The command's.
        task: `--task`.
        model: `--model`.
        **options: `Classifier`'s own.

    Raises:
        ModelError: As in `Classifier`.
        click.UsageError: Options that contradict each other or the model.
    """
    from edge_infer.classifier import Classifier
    from edge_infer.errors import ModelError

    try:
        classifier = Classifier(task if model is None else model, **options)
    except ModelError:
        raise
    except ValueError as error:  # the numbers were checked by their types
        raise click.UsageError(str(error)) from error
    task_is_given = context.get_parameter_source("task") is ParameterSource.COMMANDLINE
    if model is not None and task_is_given and classifier.metadata.task != task:
        raise click.UsageError(
            f"--task {task}, but {model} was made for {classifier.metadata.task}: give one of the two"
        )
    return classifier
