"""`edge-infer classify`: pictures in, one record each out."""

import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from edge_infer.cli.exit_codes import EXIT_FAILED
from edge_infer.cli.options import ChosenModel, batch_option, faces_option, model_options, picture_options
from edge_infer.cli.writers import OutputFormat, make_writer, one_line
from edge_infer.faces.mode import FaceMode
from edge_infer.pictures.limits import DEFAULT_MAX_PIXELS
from edge_infer.results import FailedInput, Prediction, Result
from edge_infer.second_look import SecondLook

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier
    from edge_infer.explaining.explanation import Explanation
    from edge_infer.pictures.drawing.copies import DrawnCopies
    from edge_infer.pictures.loading import ImageSource

    Answer = Prediction | Explanation | FailedInput


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@model_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(get_args(OutputFormat)),
    default="text",
    show_default=True,
    help="Form of the results on stdout.",
)
@batch_option
@faces_option
@click.option(
    "--second-look",
    type=click.Choice(get_args(SecondLook)),
    default="auto",
    show_default=True,
    help="Look at the middle of a picture too, and average: where the model asks for it and is not sure, or always.",
)
@click.option(
    "--save-annotated",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write each picture with its answer drawn in to this folder.",
)
@click.option(
    "--explain",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write each picture beside a map of what speaks for its answer to this folder.",
)
@picture_options
@click.pass_context
def classify(
    context: click.Context,
    paths: tuple[str, ...],
    chosen: ChosenModel,
    output_format: OutputFormat,
    batch: int,
    faces: FaceMode,
    second_look: SecondLook,
    save_annotated: Path | None,
    explain: Path | None,
    max_pixels: int,
    max_bytes: int,
    rotate: str | None,
    recursive: bool,
) -> None:
    """Say what each picture shows.

    PATH is a picture, a folder, a quoted glob pattern, @list.txt (a path a line), @- (such a list
    on standard input) or - (one picture on standard input). Put -- before names that begin with a
    dash. Results go to stdout in input order, everything else to stderr.
    """
    from edge_infer.errors import InputError, OutputError
    from edge_infer.pictures.decoded import KeptPicture, Room
    from edge_infer.pictures.finding.sources import expand_in_groups

    loading = {"max_pixels": max_pixels, "max_bytes": max_bytes, "rotate": int(rotate or 0)}
    # With many pictures, classify_many loads the network in its own way.
    classifier = chosen.load(context, faces=faces, second_look=second_look, **loading, quick_start=True)
    # Together, pictures that wait to be drawn on take no more memory than the largest one alone may.
    has_copies = save_annotated is not None or explain is not None
    room = Room(min(max_pixels, DEFAULT_MAX_PIXELS))
    groups = (
        [
            KeptPicture(source, room) if has_copies and not isinstance(source, FailedInput) else source
            for source in sources
        ]
        for sources in expand_in_groups(paths, recursive=recursive, report=_report, max_bytes=max_bytes)
    )
    answered = ((pictures, _answers(classifier, pictures, batch, explain is not None)) for pictures in groups)
    first = list(islice(answered, 1))  # loads the network; if that fails, nothing has been written
    copies = [] if save_annotated is None else [_copies(save_annotated, "annotated", loading)]
    copies += [] if explain is None else [_copies(explain, "explained", loading)]
    any_failed = False

    def fail(error: Exception) -> None:
        nonlocal any_failed
        any_failed = True
        click.echo(one_line(f"Error: {error}"), err=True)

    has_known = classifier.metadata.min_known is not None
    with make_writer(output_format, sys.stdout, chosen.shown_of(classifier), has_known=has_known) as writer:
        for pictures, results in chain(first, answered):
            # A bar only where someone sees it and it does not run through the results.
            hide_bar = len(pictures) < 2 or not sys.stderr.isatty() or sys.stdout.isatty()
            with click.progressbar(length=len(pictures), label="Classifying", file=sys.stderr, hidden=hide_bar) as bar:
                for picture, answer in zip(pictures, results, strict=True):
                    writer.write(_result(answer))
                    if isinstance(answer, FailedInput):
                        fail(answer.error)
                    elif not isinstance(picture, FailedInput):
                        for copy in copies:
                            try:
                                _save(copy, picture, answer)
                            except (InputError, OutputError) as error:
                                fail(error)
                    if isinstance(picture, KeptPicture):
                        picture.forget()
                    bar.update(1)
            sys.stdout.flush()
    context.exit(EXIT_FAILED if any_failed else 0)


def _report(line: str) -> None:
    click.echo(one_line(f"Note: {line}"), err=True)


def _answers(
    classifier: "Classifier", pictures: "Sequence[ImageSource | FailedInput]", batch_size: int, is_explained: bool
) -> "Iterator[Answer]":
    if is_explained:
        return classifier.explain_many(pictures, batch_size=batch_size)
    return classifier.classify_many(pictures, batch_size=batch_size)


def _result(answer: "Answer") -> Result:
    return answer if isinstance(answer, Prediction | FailedInput) else answer.prediction


def _copies(folder: Path, kind: str, loading: dict[str, int]) -> "DrawnCopies":
    from edge_infer.pictures.drawing.copies import DrawnCopies

    return DrawnCopies(folder, kind, **loading)


def _save(copies: "DrawnCopies", picture: "ImageSource", answer: "Prediction | Explanation") -> None:
    """Write a copy of an answered picture, as the folder has them."""
    prediction = cast("Prediction", _result(answer))
    if copies.kind == "explained" and not isinstance(answer, Prediction):
        from edge_infer.explaining.drawing import explained_picture

        explanation = answer
        copies.save(picture, prediction.source, lambda image_rgb: explained_picture(image_rgb, explanation))
        return
    from edge_infer.pictures.drawing.annotate import annotate

    copies.save(picture, prediction.source, lambda image_rgb: annotate(image_rgb, prediction))
