"""Which photo is for training, validation and test: deterministic, stratified, duplicate-safe.

A split is stored by file hash, so it survives renaming and moving. No test photo has a duplicate
(`train.data.duplicates`) in another part: duplicates of a frozen test photo are left out of training altogether, and
so is a file under two labels. Duplicates of a frozen validation photo are trained on.
"""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from train.data.layout import PARTS, Part
from train.data.photos import Photo, labels_of
from train.errors import DataError, RunFolderError
from train.files import read_json, whole_folder, write_json

MIN_PHOTOS_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class Ratios:
    """Shares of the parts, in percent, summing to 100."""

    train: float
    validation: float
    test: float

    def __post_init__(self) -> None:
        """Check the sum."""
        if min(self.train, self.validation, self.test) < 0 or round(self.train + self.validation + self.test, 6) != 100:
            raise DataError(
                f"split ratios must be at least 0 and sum to 100, got {self.train:g} {self.validation:g} {self.test:g}"
            )
        if self.train == 0:
            raise DataError("split ratios leave nothing to train on")


@dataclass(frozen=True, slots=True)
class Split:
    """A frozen split.

    Attributes:
        parts: Part by file hash; `excluded` marks duplicates of test photos and files
            under two labels.
    """

    parts: dict[str, str]

    @property
    def digest(self) -> str:
        """Hex sha256 over the sorted (hash, part) pairs: equal digests, equal splits."""
        return sha256(json.dumps(sorted(self.parts.items())).encode()).hexdigest()

    def indices(self, photos: Sequence[Photo], part: Part) -> npt.NDArray[np.int64]:
        """Return the positions of a part's photos."""
        # A copy of a test photo that lies in the training folder is no second test photo.
        fixed = {photo.sha256 for photo in photos if photo.part is not None}
        found = [
            i
            for i, photo in enumerate(photos)
            if self.parts[photo.sha256] == part
            and (photo.part == part or (photo.part is None and photo.sha256 not in fixed))
        ]
        return np.array(found, np.int64)

    def photos(self, photos: Sequence[Photo], part: Part) -> list[Photo]:
        """Return the photos of a part, in their given order."""
        return [photos[i] for i in self.indices(photos, part)]

    def save(self, path: Path) -> None:
        """Write `split.json`."""
        write_json(path, {"digest": self.digest, "parts": self.parts})


def load_split(path: Path, photos: Sequence[Photo]) -> Split:
    """Read `split.json` and check that it knows exactly these photos.

    Raises:
        DataError: Photos were added, changed or removed since the split was made.
    """
    parts = read_json(path, "parts")["parts"]
    here = {photo.sha256 for photo in photos}
    if here != parts.keys():
        added, gone = len(here - parts.keys()), len(parts.keys() - here)
        raise DataError(
            f"the photos are not those of {path}: {added} are new and {gone} are missing; "
            "start a new run, or restore the photos"
        )
    return Split(parts)


def make_split(
    photos: Sequence[Photo],
    groups: npt.NDArray[np.int64],
    ratios: Ratios,
    *,
    seed: int,
    as_published: bool = False,
) -> Split:
    """Assign every photo to a part.

    Args:
        photos: The photos; a part that their folder fixes is kept.
        groups: `int64 [N]`, duplicate groups; a group is never divided.
        ratios: Shares of the parts. With a frozen test, train and validation divide
            the rest in their proportion.
        seed: Decides the assignment.
        as_published: Use duplicates of test photos and pictures under two labels too, as
            the published recipes did; only for reproducing those.

    Raises:
        DataError: A class is too small to be divided, or a part would stay empty.
    """
    check_class_sizes(photos, groups)
    parts: dict[int, str] = {i: photo.part for i, photo in enumerate(photos) if photo.part is not None}
    if not as_published:
        parts |= {i: "excluded" for i in _contradictory(photos) if i not in parts}
        test_groups = {groups[i] for i, part in parts.items() if part == "test"}
        parts |= {i: "excluded" for i in range(len(photos)) if groups[i] in test_groups and parts.get(i) != "test"}
        if "validation" not in parts.values() and any(photo.part == "validation" for photo in photos):
            raise DataError("each photo of the validation folder shows what a test photo shows: put others there")
    shares: dict[Part, float] = {"test": ratios.test, "validation": ratios.validation}
    wanted = [(part, share) for part, share in shares.items() if part not in parts.values()]
    share_left = sum(share for _, share in wanted) + ratios.train
    validation_groups = {groups[i] for i, part in parts.items() if part == "validation"}
    # A copy of a validation photo is not a test photo; it may be trained on, as in folders that fix all parts.
    parts |= {i: "train" for i in range(len(photos)) if groups[i] in validation_groups and i not in parts}
    free = [i for i in range(len(photos)) if i not in parts]
    if "test" not in parts.values() and not free:
        raise DataError("there is a validation folder but no test folder: add one, or let both be drawn")
    for part, share in wanted:
        drawn = _draw(free, photos, groups, share / share_left, seed) if share and free else []
        parts |= dict.fromkeys(drawn, part)
        free = [i for i in free if i not in parts]
        share_left -= share
    parts |= dict.fromkeys(free, "train")
    split = Split({photo.sha256: parts[i] for i, photo in enumerate(photos)})
    trained = labels_of(split.photos(photos, "train"))
    if untrained := [label for label in labels_of(photos) if label not in trained]:
        raise DataError(
            f"class {untrained[0]} has no photos left to train on once duplicates of test photos are out: add others"
        )
    return split


def _contradictory(photos: Sequence[Photo]) -> list[int]:
    """Return the positions of files that lie under two labels, of which one must be wrong."""
    labels: dict[str, set[str]] = {}
    for photo in photos:
        labels.setdefault(photo.sha256, set()).add(photo.label)
    return [i for i, photo in enumerate(photos) if len(labels[photo.sha256]) > 1]


def check_class_sizes(photos: Sequence[Photo], groups: npt.NDArray[np.int64] | None = None) -> None:
    """Refuse classes that are too small to be divided or cross-validated.

    Args:
        photos: The photos.
        groups: `int64 [N]`, duplicate groups, if known: a group counts as one photo.

    Raises:
        DataError: Naming the smallest class.
    """
    numbers = np.arange(len(photos)) if groups is None else groups
    different = Counter(label for label, _ in {(photo.label, numbers[i]) for i, photo in enumerate(photos)})
    label, count = min(different.items(), key=lambda item: (item[1], item[0]))
    if count < MIN_PHOTOS_A_CLASS:
        apart = "" if groups is None else " besides duplicates"
        raise DataError(
            f"class {label} has {count} photos{apart}, at least {MIN_PHOTOS_A_CLASS} are needed: "
            "add photos or remove the class"
        )


def copy_split(photos: Sequence[Photo], split: Split, destination: Path) -> dict[Part, int]:
    """Copy the photos to `destination/<part>/<class>/` and write its `split.json`.

    Returns:
        Number of photos by part.

    Raises:
        RunFolderError: The destination exists.
    """
    if destination.exists():
        raise RunFolderError(f"{destination} exists: give a new folder")
    counts: dict[Part, int] = dict.fromkeys(PARTS, 0)
    with whole_folder(destination) as unfinished:
        for part in PARTS:
            for photo in split.photos(photos, part):
                # Two sub-folders of a class may use one file name; the hash keeps both.
                target = unfinished / part / photo.label / photo.path.name
                if target.exists():
                    target = target.with_stem(f"{target.stem}-{photo.sha256[:8]}")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(photo.path, target)
                counts[part] += 1
        split.save(unfinished / "split.json")
    return counts


def _draw(
    free: list[int], photos: Sequence[Photo], groups: npt.NDArray[np.int64], share: float, seed: int
) -> list[int]:
    """Draw `share` of the free photos of every class, at least one of each, whole groups only."""
    labels = labels_of(photos)
    sizes: dict[int, npt.NDArray[np.int64]] = {}  # photos of each class, by group
    for i in free:
        sizes.setdefault(int(groups[i]), np.zeros(len(labels), np.int64))[labels.index(photos[i].label)] += 1
    total = np.sum(list(sizes.values()), axis=0)
    wanted = np.maximum(share * total, 1)
    order = np.random.default_rng(seed).permutation(sorted(sizes))
    drawn: set[int] = set()
    count = np.zeros_like(total)
    for group in order:
        if (count + sizes[group] <= wanted + 0.5).all():
            drawn.add(group)
            count += sizes[group]
    for label in np.flatnonzero((count == 0) & (total > 0)):  # each of its groups is larger than its share
        drawn.add(min((group for group in order if sizes[group][label]), key=lambda group: sizes[group].sum()))
    return [i for i in free if groups[i] in drawn]
