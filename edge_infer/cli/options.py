"""The options that say which model to run and how, shared by the commands that run one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from edge_infer.cli.number_range import NumberRange

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier

DEFAULT_TASK = "gems"


_OPTIONS = (
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
    click.option("--threads", type=click.IntRange(1, 256), help="Threads to compute with; default: all usable cores."),
    click.option("--provider", default="cpu", show_default=True, help="onnxruntime execution provider."),
)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --task, --model, --top, --min-score, --min-known, --threads and --provider."""
    for option in reversed(_OPTIONS):
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
