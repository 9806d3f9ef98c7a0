"""Labelled photos on disk: a folder with one sub-folder a class.

Accepted layouts: `DIR/<class>/<photo>`, or `DIR/train/<class>/…` with `DIR/test` and,
if wanted, `DIR/validation` beside it (what `python -m train split` writes); `train.data.layout`
knows the other names that people give them.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edge_infer.pictures.finding.folders import look_through, summarize
from edge_infer.pictures.finding.sources import expand
from edge_infer.results import STDIN, FailedInput
from train.data.layout import Part, Report, class_folders, folded, part_folders
from train.errors import DataError


@dataclass(frozen=True, slots=True)
class Photo:
    """One labelled file.

    Attributes:
        path: Where it lies now; splits and caches go by `sha256`, not by path.
        label: The name of its class folder.
        sha256: Hex digest of the file.
        part: The part its folder assigns it to, or None when the split decides.
    """

    path: Path
    label: str
    sha256: str
    part: Part | None = None


def find_photos(data: Path, test: Path | None = None, report: Report = lambda _: None) -> list[Photo]:
    """Find the photos of a data folder, sorted by part and path.

    Args:
        data: Folder in one of the layouts above.
        test: A separate folder of class folders whose photos are the frozen test.
        report: Called with a line for what was left out, or read as something else than it is called.

    Raises:
        DataError: A folder is missing or empty, there are fewer than two classes, the parts do not have
            the same classes, or it is not plain which folder is for what (`train.data.layout`).
    """
    folders = part_folders(data, test, report)
    photos = [photo for part, folder in folders for photo in _class_photos(folder, part, report)]
    _check_same_classes(folders, photos)
    return photos


def find_pictures(paths: Sequence[str], report: Report = lambda _: None) -> list[Photo]:
    """Find pictures without labels, each once.

    Args:
        paths: As in `edge_infer.pictures.finding.sources.expand`.
        report: As in `find_photos`.

    Raises:
        DataError: A path leads to no picture.
    """
    if STDIN in paths:
        raise DataError("unlabelled pictures are read several times, so they cannot come from standard input")
    found: dict[str, Photo] = {}
    for source in expand(paths, recursive=True, report=report):
        if isinstance(source, FailedInput):
            raise DataError(str(source.error))
        path = Path(cast("str", source))  # only standard input is none
        if not path.is_file():
            raise DataError(f"unlabelled picture {path} does not exist")
        photo = Photo(path, "", sha256_file(path))
        found[photo.sha256] = photo
    return list(found.values())


def labels_of(photos: Sequence[Photo]) -> tuple[str, ...]:
    """Return the class names, sorted: the order of every model's outputs."""
    return tuple(sorted({photo.label for photo in photos}))


def class_counts(photos: Sequence[Photo]) -> dict[str, int]:
    """Return the number of photos a class, by class name."""
    counts = Counter(photo.label for photo in photos)
    return {label: counts[label] for label in sorted(counts)}


def _class_photos(folder: Path, part: Part | None, report: Report) -> list[Photo]:
    photos = []
    for child, label in class_folders(folder, report).items():
        content = look_through(child, recursive=True)
        for line in summarize(content.left_out):
            report(f"{child}: {line}")
        if not content.images:
            raise DataError(f"class folder {child} holds no photos: add some, or remove it")
        # Plain order, not natural: folds and seeds of earlier runs go by it.
        paths = sorted(map(Path, content.images), key=lambda path: (path.parent.parts, path.name))
        photos += [Photo(path, label, sha256_file(path), part) for path in paths]
    return photos


def _check_same_classes(folders: list[tuple[Part | None, Path]], photos: list[Photo]) -> None:
    first_part, first_folder = folders[0]
    expected = {photo.label for photo in photos if photo.part == first_part}
    for part, folder in folders[1:]:
        found = {photo.label for photo in photos if photo.part == part}
        if found != expected:
            missing, extra = sorted(expected - found), sorted(found - expected)
            what = "; ".join(
                text
                for text, names in ((f"lacks {', '.join(missing)}", missing), (f"adds {', '.join(extra)}", extra))
                if names
            )
            if {folded(label) for label in found} == {folded(label) for label in expected}:
                what += ": the names differ only in case or spaces, so give each class one name"
            raise DataError(f"the classes of {folder} differ from those of {first_folder}: it {what}")


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of a file.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
