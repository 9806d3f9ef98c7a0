"""`edge-infer classify`: pictures in, one record each out."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from click.core import ParameterSource

from edge_infer.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from edge_infer.metadata import FaceMode
from edge_infer.results import FailedInput
from edge_infer.sources import expand
from edge_infer.writers import OutputFormat, make_writer, one_line

DEFAULT_TASK = "gems"
QUICK_START_PICTURES = 4  # from here on a VGG16's slower loading pays for itself

if TYPE_CHECKING:
    from edge_infer.annotate import AnnotatedCopies


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--task", default=DEFAULT_TASK, show_default=True, help="Bundled model to use.")
@click.option("--model", metavar="FILE", help="Model file to use instead of a bundled one.")
@click.option("--top", type=click.IntRange(min=1), metavar="K", help="Show the K best classes.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Call answers below this score (0-1) uncertain; default: the model's own.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(get_args(OutputFormat)),
    default="text",
    show_default=True,
    help="Form of the results on stdout.",
)
@click.option("--batch", type=click.IntRange(1, 256), default=8, show_default=True, help="Pictures per inference.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads per inference; default: all usable cores.")
@click.option("--provider", default="cpu", show_default=True, help="onnxruntime execution provider.")
@click.option(
    "--faces",
    type=click.Choice(get_args(FaceMode)),
    default="auto",
    show_default=True,
    help="For a model of faces: answer for each face, and for the whole picture if there is none (auto), "
    "never (always), or at once (never).",
)
@click.option(
    "--save-annotated",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write each picture with its answer drawn in to this folder.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_PIXELS,
    show_default=True,
    metavar="N",
    help="Refuse pictures that decode to more pixels.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_BYTES,
    show_default=True,
    metavar="N",
    help="Refuse larger files.",
)
@click.option("--recursive", is_flag=True, help="Descend into sub-folders.")
@click.pass_context
def classify(
    context: click.Context,
    paths: tuple[str, ...],
    task: str,
    model: str | None,
    top: int | None,
    min_score: float | None,
    output_format: OutputFormat,
    batch: int,
    threads: int | None,
    provider: str,
    faces: FaceMode,
    save_annotated: Path | None,
    max_pixels: int,
    max_bytes: int,
    recursive: bool,
) -> None:
    """Say what each picture shows.

    PATH is a picture, a folder, a quoted glob pattern, @list.txt (a path a line), @- (such a list
    on standard input) or - (one picture on standard input). Put -- before names that begin with a
    dash. Results go to stdout in input order, everything else to stderr.
    """
    from edge_infer.classifier import Classifier
    from edge_infer.errors import InputError, ModelError, OutputError

    if min_score is not None and math.isnan(min_score):  # it passes every range check
        raise click.BadParameter("nan is not in the range 0<=x<=1.", param_hint="'--min-score'")
    limits = {"max_pixels": max_pixels, "max_bytes": max_bytes}
    sources = list(expand(paths, recursive=recursive))
    try:
        classifier = Classifier(
            task if model is None else model,
            threads=threads,
            provider=provider,
            min_score=min_score,
            faces=faces,
            **limits,
            quick_start=len(sources) <= QUICK_START_PICTURES,
        )
    except ModelError:
        raise
    except ValueError as error:  # the numbers were checked above
        raise click.UsageError(str(error)) from error
    task_is_given = context.get_parameter_source("task") is ParameterSource.COMMANDLINE
    if model is not None and task_is_given and classifier.metadata.task != task:
        raise click.UsageError(
            f"--task {task}, but {model} was made for {classifier.metadata.task}: give one of the two"
        )
    copies = None if save_annotated is None else _annotated_copies(save_annotated, limits)
    any_failed = False
    # A bar only where someone sees it and it does not run through the results.
    hide_bar = len(sources) < 2 or not sys.stderr.isatty() or sys.stdout.isatty()
    with (
        make_writer(output_format, sys.stdout, top) as writer,
        click.progressbar(length=len(sources), label="Classifying", file=sys.stderr, hidden=hide_bar) as bar,
    ):
        for source, result in zip(sources, classifier.classify_many(sources, batch_size=batch), strict=True):
            writer.write(result)
            if isinstance(result, FailedInput):
                any_failed = True
                click.echo(one_line(f"Error: {result.error}"), err=True)
            elif copies is not None and not isinstance(source, FailedInput):
                try:
                    copies.save(source, result)
                except (InputError, OutputError) as error:
                    any_failed = True
                    click.echo(one_line(f"Error: {error}"), err=True)
            bar.update(1)
    context.exit(1 if any_failed else 0)


def _annotated_copies(folder: Path, limits: dict[str, int]) -> "AnnotatedCopies":
    from edge_infer.annotate import AnnotatedCopies

    return AnnotatedCopies(folder, **limits)
