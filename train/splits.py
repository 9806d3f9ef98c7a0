"""Which photo is for training, validation and test: deterministic, stratified, duplicate-safe.

A split is stored by file hash, so it survives renaming and moving, and it can never
put two duplicates (`train.duplicates`) into different parts: duplicates of a frozen
test photo are left out of training altogether.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from train.errors import DataError, RunFolderError
from train.photos import PARTS, Part, Photo, class_counts, labels_of
from train.run_folder import read_json, write_json

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
        parts: Part by file hash; `excluded` marks duplicates of test photos.
    """

    parts: dict[str, str]

    @property
    def digest(self) -> str:
        """Hex sha256 over the sorted (hash, part) pairs: equal digests, equal splits."""
        return sha256(json.dumps(sorted(self.parts.items())).encode()).hexdigest()

    def photos(self, photos: Sequence[Photo], part: Part) -> list[Photo]:
        """Return the photos of a part, in their given order."""
        # A copy of a test photo that lies in the training folder is no second test photo.
        return [photo for photo in photos if self.parts[photo.sha256] == part and photo.part in (None, part)]

    def save(self, path: Path) -> None:
        """Write `split.json`."""
        write_json(path, {"digest": self.digest, "parts": self.parts})


def load_split(path: Path, photos: Sequence[Photo]) -> Split:
    """Read `split.json` and check that it knows exactly these photos.

    Raises:
        DataError: Photos were added, changed or removed since the split was made.
    """
    parts = read_json(path)["parts"]
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
    keep_test_duplicates: bool = False,
) -> Split:
    """Assign every photo to a part.

    Args:
        photos: The photos; a part that their folder fixes is kept.
        groups: `int64 [N]`, duplicate groups; a group is never divided.
        ratios: Shares of the parts. With a frozen test, train and validation divide
            the rest in their proportion.
        seed: Decides the assignment.
        keep_test_duplicates: Train on duplicates of test photos too, as the published
            recipes did; only for reproducing those.

    Raises:
        DataError: A class is too small to be divided.
    """
    check_class_sizes(photos)
    parts: dict[int, str] = {i: photo.part for i, photo in enumerate(photos) if photo.part is not None}
    if not keep_test_duplicates:
        test_groups = {groups[i] for i, part in parts.items() if part == "test"}
        parts |= {i: "excluded" for i in range(len(photos)) if groups[i] in test_groups and parts.get(i) != "test"}
    wanted: list[tuple[Part, float]] = [("validation", ratios.validation)]
    if "test" not in parts.values():
        wanted.insert(0, ("test", ratios.test))
    if "validation" in parts.values():
        wanted = []
    share_left = sum(share for _, share in wanted) + ratios.train
    free = [i for i in range(len(photos)) if i not in parts]
    for part, share in wanted:
        drawn = _draw(free, photos, groups, share / share_left, seed) if share else []
        parts |= dict.fromkeys(drawn, part)
        free = [i for i in free if i not in parts]
        share_left -= share
    parts |= dict.fromkeys(free, "train")
    return Split({photo.sha256: parts[i] for i, photo in enumerate(photos)})


def check_class_sizes(photos: Sequence[Photo], minimum: int = MIN_PHOTOS_A_CLASS) -> None:
    """Refuse classes that are too small to be divided or cross-validated.

    Raises:
        DataError: Naming the smallest class.
    """
    counts = class_counts(photos)
    label = min(counts, key=lambda name: counts[name])
    if counts[label] < minimum:
        raise DataError(
            f"class {label} has {counts[label]} photos, at least {minimum} are needed: add photos or remove the class"
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
    unfinished = destination.with_name(f".{destination.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    counts: dict[Part, int] = dict.fromkeys(PARTS, 0)
    for part in PARTS:
        for photo in split.photos(photos, part):
            # Two classes or parts may use one file name; the hash keeps both.
            target = unfinished / part / photo.label / photo.path.name
            if target.exists():
                target = target.with_stem(f"{target.stem}-{photo.sha256[:8]}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photo.path, target)
            counts[part] += 1
    split.save(unfinished / "split.json")
    unfinished.replace(destination)
    return counts


def _draw(
    free: list[int], photos: Sequence[Photo], groups: npt.NDArray[np.int64], share: float, seed: int
) -> list[int]:
    """Draw about `share` of the free photos, stratified by class, whole groups only."""
    labels = labels_of(photos)
    classes = np.array([labels.index(photos[i].label) for i in free])
    # k folds of k parts each hold a share in units of 1/k; 1/40 is finer than the data.
    folds = min(40, int(np.bincount(classes, minlength=len(labels)).min()), len(free))
    folds = max(2, folds)
    chosen = max(1, round(share * folds))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    drawn: list[int] = []
    for number, (_, held_out) in enumerate(splitter.split(free, classes, groups[free])):
        if number < chosen:
            drawn += [free[i] for i in held_out]
    return drawn
