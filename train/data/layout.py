"""Which folder is for what: class folders, or train, validation and test folders that hold them.

Data sets name their parts in many ways. What is plain is read as such; what is not ends with one
error that names the folders and what they must be called.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from edge_infer.pictures.finding.folders import is_skipped, look_through
from edge_infer.pictures.finding.natural_order import natural_key
from train.errors import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Report = Callable[[str], None]

_PART_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_FILLERS = frozenset({"set", "data", "dataset", "images", "imgs", "photos", "pictures", "split"})
_NAMED = 3  # loose photos named in a message; the others are counted


def part_folders(data: Path, test: Path | None, report: Report) -> list[tuple[Part | None, Path]]:
    """Return the folders that hold class folders, each with the part it is for.

    Args:
        data: Class folders; or part folders that hold them, under any usual name (`Training`, `val`,
            `test_set` …), in any case; or one folder that holds either.
        test: A separate folder of class folders whose photos are the frozen test.
        report: Called with a line for what was read as something else, or left out.

    Returns:
        None instead of a part where the split decides.

    Raises:
        DataError: A folder is missing, or it is not plain which is for what.
    """
    if not data.is_dir():
        raise DataError(f"data folder {data} does not exist")
    inner = _unwrapped(data, report)
    named = {folder: part for folder in _folders(inner) if (part := _part(folder.name)) and _holds_classes(folder)}
    if "train" not in named.values():
        if named and len(named) == len(_folders(inner)):
            raise DataError(f"{inner} has no train folder beside {_list(named)}: one must be called train")
        folders: list[tuple[Part | None, Path]] = [(None, inner)]
    else:
        folders = _named_parts(inner, named, test is not None, report)
    if test is not None:
        if not test.is_dir():
            raise DataError(f"test folder {test} does not exist")
        if own := [folder for part, folder in folders if part == "test"]:
            raise DataError(f"{data} has a test folder of its own: give --test or {own[0]}, not both")
        folders.append(("test", _unwrapped(test, report)))
    return folders


def class_folders(folder: Path, report: Report) -> dict[Path, str]:
    """Return the class folders in a folder, in order, with their labels.

    Args:
        folder: From `part_folders`.
        report: Called with a line for photos that lie beside the class folders, and for names in another form.

    Returns:
        A label is the folder's name in Unicode's composed form (NFC): systems write it in either.

    Raises:
        DataError: There are fewer than two, two names differ only in case, spaces or Unicode form, or
            the parts lie inside the classes.
    """
    classes = {child: unicodedata.normalize("NFC", child.name) for child in _folders(folder)}
    if len(classes) < 2:
        found = "none" if not classes else f"only {next(iter(classes)).name}"
        raise DataError(f"{folder} needs at least two class folders with photos, found {found}")
    alike: dict[str, list[Path]] = {}
    for child, label in classes.items():
        alike.setdefault(folded(label), []).append(child)
    for children in alike.values():
        if len(children) > 1:
            names = _list(children, quoted=True)
            raise DataError(
                f"class folders {names} of {folder} differ only in case, spaces or Unicode form: "
                "merge them, or give them names that differ"
            )
    for child in classes:
        if {"train", "test"} <= {_part(below.name) for below in _folders(child)}:
            raise DataError(
                f"class folder {child} holds train and test folders: "
                f"put the class folders into {folder / 'train'} and {folder / 'test'} instead"
            )
    for child, label in classes.items():
        if child.name != label:
            report(f"{child}: its name is taken in Unicode's composed form (NFC), as {label}")
    if loose := look_through(folder).images:
        count = "1 photo lies" if len(loose) == 1 else f"{len(loose)} photos lie"
        names = ", ".join(Path(path).name for path in loose[:_NAMED]) + (", …" if len(loose) > _NAMED else "")
        report(
            f"{folder}: {count} beside the class folders and {'is' if len(loose) == 1 else 'are'} left out ({names})"
        )
    return classes


def folded(label: str) -> str:
    """Return what class names that people would take for the same have in common."""
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def _named_parts(
    folder: Path, named: dict[Path, Part], has_test: bool, report: Report
) -> list[tuple[Part | None, Path]]:
    others = [child for child in _folders(folder) if child not in named]
    if others:
        train = next(child.name for child, part in named.items() if part == "train")
        raise DataError(
            f"{folder} has a {train} folder, and beside it {_list(others)}: "
            f"only {', '.join(PARTS)} folders are known, so rename or move it"
        )
    by_part: dict[Part, Path] = {}
    for child, part in named.items():
        if part in by_part:
            raise DataError(f"{child} and {by_part[part].name} are both {part} folders: merge them, or move one away")
        by_part[part] = child
        if child.name != part:
            report(f"{child} is read as the {part} folder")
    # What is not there, validation or test, is drawn from the training photos.
    is_divided = "validation" in by_part and ("test" in by_part or has_test)
    return [
        (part if is_divided or part != "train" else None, _unwrapped(by_part[part], report))
        for part in PARTS
        if part in by_part
    ]


def _unwrapped(folder: Path, report: Report) -> Path:
    """Return the folder, or what it holds if that is a single folder of folders, as archives often do."""
    children = _folders(folder)
    if len(children) != 1 or not _holds_classes(children[0]) or _part(children[0].name) or look_through(folder).images:
        return folder
    report(f"{children[0]} is read as the data folder: {folder} holds nothing else")
    return _unwrapped(children[0], report)


def _folders(folder: Path) -> list[Path]:
    try:
        children = [child for child in folder.iterdir() if child.is_dir() and not is_skipped(child.name)]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(children)


def _holds_classes(folder: Path) -> bool:
    """Return whether two sub-folders hold something: a class called `train` holds photos, not classes."""
    return len(_folders(folder)) >= 2 or any(_holds_classes(child) for child in _folders(folder))


def _part(name: str) -> Part | None:
    """Return the part that a folder's name stands for, if any: `Training`, `test_set`, `valset`, and so on."""
    words = [word for word in re.findall(r"[a-z]+", name.lower()) if word not in _FILLERS]
    return _PART_WORDS.get(words[0].removesuffix("set")) if len(words) == 1 else None


def _list(folders: Iterable[Path], *, quoted: bool = False) -> str:
    names = [
        f"'{folder.name}'" if quoted else folder.name for folder in sorted(folders, key=lambda f: natural_key(f.name))
    ]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
