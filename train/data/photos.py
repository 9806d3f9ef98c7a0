"""Labelled photos on disk: a folder with one sub-folder a class.

Accepted layouts: `DIR/<class>/<photo>`, or `DIR/train/<class>/…` with `DIR/test` and,
if wanted, `DIR/validation` beside it (what `python -m train split` writes).
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from edge_infer.pictures.sources import STDIN, expand, find_images
from edge_infer.results import FailedInput
from train.errors import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


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


def find_photos(data: Path, test: Path | None = None) -> list[Photo]:
    """Find the photos of a data folder, sorted by part and path.

    Args:
        data: Folder in one of the layouts above.
        test: A separate folder of class folders whose photos are the frozen test.

    Raises:
        DataError: A folder is missing or empty, there are fewer than two classes, or
            the parts do not have the same classes.
    """
    folders = _part_folders(data, test)
    photos = [photo for part, folder in folders for photo in _class_photos(folder, part)]
    _check_same_classes(folders, photos)
    return photos


def find_pictures(paths: Sequence[str]) -> list[Photo]:
    """Find pictures without labels, each once.

    Args:
        paths: As in `edge_infer.pictures.sources.expand`.

    Raises:
        DataError: A path leads to no picture.
    """
    if STDIN in paths:
        raise DataError("unlabelled pictures are read several times, so they cannot come from standard input")
    found: dict[str, Photo] = {}
    for source in expand(paths, recursive=True):
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


def _part_folders(data: Path, test: Path | None) -> list[tuple[Part | None, Path]]:
    if not data.is_dir():
        raise DataError(f"data folder {data} does not exist")
    if not (data / "train").is_dir():
        folders: list[tuple[Part | None, Path]] = [(None, data)]
    else:
        given = [(part, data / part) for part in PARTS if (data / part).is_dir()]
        unknown = sorted(f.name for f in data.iterdir() if f.is_dir() and f.name not in PARTS and f.name[0] != ".")
        if unknown:
            raise DataError(f"{data} has a train folder, and beside it {unknown[0]}: only {', '.join(PARTS)} are known")
        # Without a validation folder, one is drawn from the training photos.
        has_validation = any(part == "validation" for part, _ in given)
        folders = [(part if has_validation or part == "test" else None, folder) for part, folder in given]
    if test is not None:
        if not test.is_dir():
            raise DataError(f"test folder {test} does not exist")
        if any(part == "test" for part, _ in folders):
            raise DataError(f"{data} has a test folder of its own: give --test or {data / 'test'}, not both")
        folders.append(("test", test))
    return folders


def _class_photos(folder: Path, part: Part | None) -> list[Photo]:
    classes = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if len(classes) < 2:
        found = "none" if not classes else f"only {classes[0].name}"
        raise DataError(f"{folder} needs at least two class folders with photos, found {found}")
    photos = []
    for child in classes:
        paths = [Path(path) for path in find_images(child, recursive=True)]
        if not paths:
            raise DataError(f"class folder {child} holds no photos: add some, or remove it")
        photos += [Photo(path, child.name, sha256_file(path), part) for path in paths]
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
