"""`edge-infer report`: an HTML page to review a folder's answers."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from edge_infer.cli.exit_codes import EXIT_FAILED
from edge_infer.cli.options import ChosenModel, batch_option, faces_option, loading_options, model_options_without_top
from edge_infer.cli.writers import one_line
from edge_infer.faces.mode import FaceMode
from edge_infer.results import FailedInput

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier
    from edge_infer.explaining.explanation import Explanation
    from edge_infer.results import Prediction

    Answer = Prediction | Explanation | FailedInput

_NAMED = 3  # folders named in a note; the others are counted


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page: an .html file.",
)
@model_options_without_top
@batch_option
@faces_option
@loading_options
@click.pass_context
def report(
    context: click.Context,
    folder: Path,
    out: Path,
    chosen: ChosenModel,
    batch: int,
    faces: FaceMode,
    max_pixels: int,
    max_bytes: int,
    rotate: str | None,
) -> None:
    """Write an HTML page to review a folder's answers.

    The page is one file and loads nothing from elsewhere. It shows thumbnails, the least certain answers
    first; filters; the map of what speaks for an answer when you point at it; and, if photos lie in folders
    named for their class, the confusion matrix, whose cells filter the thumbnails. Sub-folders are included.
    """
    from edge_infer.errors import InputError, NoImagesError, OutputError
    from edge_infer.pictures.finding.sources import expand
    from edge_infer.report.entries import Entry, Place, entry, name_of, thumbnail_of
    from edge_infer.report.page import Report, check_path, write_page

    check_path(out)
    loading = {"max_pixels": max_pixels, "max_bytes": max_bytes, "rotate": int(rotate or 0)}
    classifier = chosen.load(context, faces=faces, **loading, quick_start=True)
    sources = list(expand([str(folder.absolute())], recursive=True, report=_note))  # no - or @ is meant
    entries: list[Entry] = []
    failures: list[tuple[str, str]] = []
    with click.progressbar(
        length=len(sources), label="Classifying", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for source, answer in zip(sources, _answers(classifier, sources, batch), strict=True):
            bar.update(1)
            try:
                if isinstance(answer, FailedInput):
                    raise answer.error
                if isinstance(source, str):
                    place = Place.of(source, folder, out, classifier.labels)
                    entries.append(entry(place, answer, thumbnail_of(source, **loading)))
            except NoImagesError as error:  # the folder
                raise OutputError(f"{error}: there is nothing to report") from error
            except InputError as error:
                failures.append((str(source), str(error)))
                click.echo(one_line(f"Error: {error}"), err=True)
    if not entries:
        raise OutputError(f"no picture in {folder} could be answered: there is nothing to report")
    classless = sorted({str(Path(found["name"]).parent) for found in entries if found["truth"] is None} - {"."})
    if classless and any(found["truth"] for found in entries):
        names = ", ".join(classless[:_NAMED]) + (", …" if len(classless) > _NAMED else "")
        _note(f"{len(classless)} folder(s) named for no class, whose photos are neither right nor wrong: {names}")
    meta = classifier.metadata
    title = name_of(folder)
    write_page(out, Report(title, f"{meta.name} {meta.version}", classifier.labels, entries, failures))
    click.echo(one_line(f"{out}: {len(entries)} pictures, {len(failures)} failed"), err=True)
    context.exit(EXIT_FAILED if failures else 0)


def _answers(
    classifier: "Classifier", sources: "Sequence[str | BinaryIO | FailedInput]", batch_size: int
) -> "Iterator[Answer]":
    if classifier.method == "exact":
        return classifier.explain_many(sources, batch_size=batch_size)
    _note("this model's answers can only be explained by covering parts of each picture: the page has no maps")
    return classifier.classify_many(sources, batch_size=batch_size)


def _note(line: str) -> None:
    click.echo(one_line(f"Note: {line}"), err=True)
