"""The options that several commands share: which model to run and how, and which pictures it may be given."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, get_args

import click
from click.core import ParameterSource

from edge_infer.cli.number_range import NumberRange
from edge_infer.faces.mode import FaceMode
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from edge_infer.runtime.cpus import MOST_THREADS

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier

DEFAULT_TASK = "gems"

_WHICH_OPTIONS = (
    click.option(
        "--task", default=DEFAULT_TASK, show_default=True, help="Bundled model to use: gems, or gender for faces."
    ),
    click.option("--model", metavar="FILE", help="Model file to use instead of a bundled one."),
)
_TOP_OPTION = click.option("--top", type=click.IntRange(min=1), metavar="K", help="Show the K best classes.")
_THRESHOLD_OPTIONS = (
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
        help="Say `none of these` of pictures whose `known` is below this (0-1); default: the model's own.",
    ),
)
_RUNTIME_OPTIONS = (
    click.option(
        "--threads", type=click.IntRange(1, MOST_THREADS), help="Threads to compute with; default: all usable cores."
    ),
    click.option("--provider", default="cpu", show_default=True, help="onnxruntime execution provider."),
)
rotate_option = click.option(
    "--rotate",
    type=click.Choice(["90", "180", "270"]),
    help="Turn each picture clockwise, in degrees, after its EXIF orientation.",
)
_LIMIT_OPTIONS = (
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
)
_RECURSIVE_OPTION = click.option("--recursive", is_flag=True, help="Descend into sub-folders.")

Command = Callable[..., None]

batch_option = click.option(
    "--batch", type=click.IntRange(1, 256), default=8, show_default=True, help="Pictures per inference."
)
faces_option = click.option(
    "--faces",
    type=click.Choice(get_args(FaceMode)),
    default="auto",
    show_default=True,
    help="For a model of faces. auto: answer for each face, or for the whole picture if none is found; "
    "always: a picture without a face fails; never: do not look for faces.",
)


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """What the options say of the model.

    Attributes:
        task: `--task`.
        model: `--model`.
        min_score: As in `Classifier`.
        min_known: Likewise.
        top: How many classes to show; None for as many as the format does.
        threads: As in `Classifier`.
        provider: Likewise.
    """

    task: str
    model: str | None
    min_score: float | None
    min_known: float | None
    top: int | None = None
    threads: int | None = None
    provider: str = "cpu"

    def load(self, context: click.Context, **options: Any) -> "Classifier":  # noqa: ANN401
        """Load the model.

        Args:
            context: The command's.
            **options: Those of `Classifier` that no option here sets.

        Raises:
            ModelError: As in `Classifier`.
            click.UsageError: Options that contradict each other or the model.
        """
        from edge_infer.classifier import Classifier
        from edge_infer.errors import ModelError

        try:
            classifier = Classifier(
                self.task if self.model is None else self.model,
                min_score=self.min_score,
                min_known=self.min_known,
                threads=self.threads,
                provider=self.provider,
                **options,
            )
        except ModelError:
            raise
        except ValueError as error:  # the numbers were checked by their types
            raise click.UsageError(str(error)) from error
        task_is_given = context.get_parameter_source("task") is ParameterSource.COMMANDLINE
        if self.model is not None and task_is_given and classifier.metadata.task != self.task:
            raise click.UsageError(
                f"--task {self.task}, but {self.model} was made for {classifier.metadata.task}: give one of the two"
            )
        return classifier

    def shown_of(self, classifier: "Classifier") -> int | None:
        """Return how many of a classifier's classes to show; None for as many as the format does."""
        return self.top and min(self.top, len(classifier.labels))


def answer_options(command: Command) -> Command:
    """Add --task, --model, --top, --min-score and --min-known, as one argument `chosen`."""
    return _choosing((*_WHICH_OPTIONS, _TOP_OPTION, *_THRESHOLD_OPTIONS), command)


def model_options(command: Command) -> Command:
    """Add these, and --threads and --provider."""
    return _choosing((*_WHICH_OPTIONS, _TOP_OPTION, *_THRESHOLD_OPTIONS, *_RUNTIME_OPTIONS), command)


def model_options_without_top(command: Command) -> Command:
    """Add the same without --top, for what shows a fixed number of classes."""
    return _choosing((*_WHICH_OPTIONS, *_THRESHOLD_OPTIONS, *_RUNTIME_OPTIONS), command)


def loading_options(command: Command) -> Command:
    """Add --max-pixels, --max-bytes and --rotate."""
    return _with((*_LIMIT_OPTIONS, rotate_option), command)


def picture_options(command: Command) -> Command:
    """Add these, and --recursive."""
    return _with((*_LIMIT_OPTIONS, rotate_option, _RECURSIVE_OPTION), command)


def _choosing(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    @wraps(command)
    def with_chosen(*arguments: Any, **given: Any) -> None:  # noqa: ANN401  # click's own
        own = {field.name: given.pop(field.name) for field in fields(ChosenModel) if field.name in given}
        command(*arguments, chosen=ChosenModel(**own), **given)

    return _with(options, with_chosen)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
