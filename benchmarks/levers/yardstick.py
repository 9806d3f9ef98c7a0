"""The photos that levers are measured on: the set's own, photos from elsewhere, and strangers.

Nothing that looks alike may be on both sides of a fold. So every photo is in a unit, and folds divide no unit:
photos of the set by duplicates, photos from elsewhere by source, other stones by kind, other things by source.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.levers.stone_kinds import kind_of
from train.data.duplicates import Pair, check_readable, duplicate_groups, fingerprints, near_duplicates
from train.data.elsewhere import FILE, KIND, SOURCE, SOURCES, WHAT, read_sources
from train.data.layout import Report
from train.data.photos import Photo, find_photos, find_pictures, labels_of, sha256_file
from train.errors import DataError
from train.metrics import Ints

OWN, OWN_TEST, WILD, ASKED = "own", "own test", "wild", "asked"
STRANGER = -1  # the target of what is none of the classes
Mask = npt.NDArray[np.bool_]
THINGS = "things"
_CLASS = "class"  # a column that training does not need: it goes by the folders
ASKED_PHOTOS = 300
# Albums of everything: two pictures of one have no more in common than two of different ones.
ALBUMS = ("EliSchwartz/imagenet-sample-images",)


@dataclass(frozen=True, slots=True)
class Row:
    """A photo and where it belongs.

    Attributes:
        photo: Its file.
        part: `OWN`, `OWN_TEST`, `WILD`, `ASKED`, or the name of a part of the strangers.
        source: Where it is from.
        kind: What it shows, for a stranger; how the stone is cut or set, for a photo from elsewhere.
        unit: What folds must not divide, besides duplicates; None for nothing.
    """

    photo: Photo
    part: str
    source: str
    kind: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class Yardstick:
    """All photos, as arrays of one length N.

    Attributes:
        labels: Class names.
        photos: The files.
        parts: `str [N]`, as `Row.part`.
        targets: `int64 [N]`, `STRANGER` for strangers.
        sources: `str [N]`.
        kinds: `str [N]`.
        units: `int64 [N]`: photos of one number are never divided.
    """

    labels: tuple[str, ...]
    photos: list[Photo]
    parts: npt.NDArray[np.str_]
    targets: Ints
    sources: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    units: Ints

    def photos_of(self, part: str) -> list[Photo]:
        """Return the photos of one part."""
        return [photo for photo, of in zip(self.photos, self.parts, strict=True) if of == part]

    @property
    def own(self) -> Mask:
        """Which photos are the set's own, its test included."""
        chosen: Mask = (self.parts == OWN) | (self.parts == OWN_TEST)
        return chosen

    @property
    def wild(self) -> Mask:
        """Which photos of the classes are from elsewhere."""
        chosen: Mask = self.parts == WILD
        return chosen

    @property
    def labelled(self) -> Mask:
        """Which photos show one of the classes."""
        chosen: Mask = self.targets != STRANGER
        return chosen

    @property
    def strangers(self) -> Mask:
        """Which photos may be learned from as none of the classes."""
        chosen: Mask = ~self.labelled & (self.parts != ASKED)
        return chosen

    def stranger_parts(self) -> list[str]:
        """Return the names of the strangers' parts, sorted."""
        return sorted(set(self.parts[self.strangers].tolist()))


def read_yardstick(gems: Path, wild: Path, others: Sequence[Path], asked: Path | None, report: Report) -> Yardstick:
    """Find all photos and work out which of them belong together.

    Args:
        gems: The set, in a layout of `train.data.photos`.
        wild: Photos from elsewhere: `sources.csv` names file, class, repo and kind of each.
        others: Strangers: folders of kinds, or with a `sources.csv` that names file, what and repo.
        asked: Pictures that nothing learns from; `ASKED_PHOTOS` of them are asked.
        report: Called with a line for each photo that is left out, and for what `sources.csv` names in vain.

    Raises:
        DataError: Something is missing or unreadable, or a class has no folder in the set.
    """
    rows = [*_own(gems), *_wild(wild, report)]
    for folder in others:
        rows += _strangers(folder, report)
    rows += [] if asked is None else _asked(asked)
    prints, unreadable = fingerprints([row.photo for row in rows])
    check_readable(unreadable)
    return arrange(rows, near_duplicates(prints), report)


def arrange(rows: Sequence[Row], pairs: Sequence[Pair], report: Report) -> Yardstick:
    """Leave out what an earlier part has already, and give every photo its unit.

    Args:
        rows: The photos: own, from elsewhere, strangers, in this order.
        pairs: Near duplicates among them.
        report: As in `read_yardstick`.

    Raises:
        DataError: A photo from elsewhere has a class that the set lacks.
    """
    duplicates = duplicate_groups([row.photo for row in rows], pairs)
    first: dict[int, str] = {}
    kept = []
    for i, row in enumerate(rows):
        part = OWN if row.part == OWN_TEST else row.part
        if first.setdefault(duplicates[i], part) == part or {first[duplicates[i]], part}.isdisjoint({OWN, WILD}):
            kept.append(i)
        else:
            report(f"left out {row.photo.path}: {first[duplicates[i]]} has the same picture")
    chosen = [rows[i] for i in kept]
    position = {old: new for new, old in enumerate(kept)}
    links = [(position[i], position[j], 0) for i, j, _ in pairs if i in position and j in position]
    units: dict[str, int] = {}
    links += [(units.setdefault(row.unit, i), i, 0) for i, row in enumerate(chosen) if row.unit is not None]
    labels = labels_of([row.photo for row in chosen if row.part == OWN])
    if foreign := sorted({row.photo.label for row in chosen if row.photo.label} - set(labels)):
        raise DataError(f"the set has no class {foreign[0]}: photos from elsewhere must be of its classes")
    return Yardstick(
        labels,
        [row.photo for row in chosen],
        np.array([row.part for row in chosen]),
        np.array([labels.index(row.photo.label) if row.photo.label else STRANGER for row in chosen], np.int64),
        np.array([row.source for row in chosen]),
        np.array([row.kind for row in chosen]),
        duplicate_groups([row.photo for row in chosen], links),
    )


def _own(gems: Path) -> Iterable[Row]:
    for photo in find_photos(gems):
        yield Row(photo, OWN_TEST if photo.part == "test" else OWN, OWN, OWN, None)


def _wild(folder: Path, report: Report) -> Iterable[Row]:
    for line in _listed(folder, report, _CLASS, SOURCE, KIND):
        path = folder / line[FILE]
        yield Row(Photo(path, line[_CLASS], sha256_file(path)), WILD, line[SOURCE], line[KIND], f"from {line[SOURCE]}")


def _strangers(folder: Path, report: Report) -> Iterable[Row]:
    if not (folder / SOURCES).exists():
        for photo in find_pictures([str(folder)]):
            kind = kind_of(photo.path.relative_to(folder).parts[0])
            yield Row(photo, folder.name, folder.name, kind, f"kind {kind}")
        return
    for line in _listed(folder, report, WHAT, SOURCE):
        path, part = folder / line[FILE], Path(line[FILE]).parts[0]
        photo, source = Photo(path, "", sha256_file(path)), line[SOURCE]
        if part != THINGS:
            kind = kind_of(line[WHAT])
            yield Row(photo, part, source, kind, f"kind {kind}")
        else:
            unit = f"thing {line[WHAT]}" if source in ALBUMS else f"things of {source}"
            yield Row(photo, part, source, line[WHAT], unit)


def _asked(folder: Path) -> Iterable[Row]:
    photos = find_pictures([str(folder)])
    chosen = np.random.default_rng(1).permutation(len(photos))[:ASKED_PHOTOS]
    for i in sorted(chosen.tolist()):
        yield Row(photos[i], ASKED, folder.name, folder.name, None)


def _listed(folder: Path, report: Report, *columns: str) -> Iterable[dict[str, str]]:
    """Return the rows of a folder's `sources.csv`, which must be there."""
    rows = read_sources(folder, report).values()
    if not rows:
        raise DataError(f"{folder / SOURCES} is missing or names no photo")
    if missing := [name for row in rows for name in columns if name not in row]:
        raise DataError(f"{folder / SOURCES} lacks the column {missing[0]}")
    return rows
