"""The photos of a run, with everything that is derived from them and frozen."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.data.duplicates import duplicate_groups
from train.data.layout import Part
from train.data.photos import Photo, find_photos, labels_of
from train.data.splits import Ratios, Split, check_class_sizes, load_split, make_split
from train.errors import DataError
from train.metrics import Ints
from train.recipes import DenseHead, Recipe


@dataclass(frozen=True, slots=True)
class RunData:
    """The data of a run.

    Attributes:
        photos: All photos, in a fixed order.
        labels: Class names, in output order.
        targets: Class indices `[N]`.
        groups: Duplicate groups `[N]`.
        split: Which photo is for what.
    """

    photos: list[Photo]
    labels: tuple[str, ...]
    targets: Ints
    groups: Ints
    split: Split

    @property
    def not_test(self) -> Ints:
        """The indices of the photos that decisions may rest on."""
        return np.setdiff1d(np.arange(len(self.photos)), self.part("test"))

    def part(self, part: Part) -> Ints:
        """Return the indices of a part's photos."""
        return self.split.indices(self.photos, part)

    def part_photos(self, part: Part) -> list[Photo]:
        """Return a part's photos."""
        return self.split.photos(self.photos, part)


def read_run_data(recipe: Recipe, data: Path, test: Path | None, split_path: Path) -> RunData:
    """Find the photos and make the run's split, or read the one that is there.

    Raises:
        DataError: The photos cannot be trained on, or are not those of the split.
    """
    photos = find_photos(data, test)
    check_class_sizes(photos)
    if isinstance(recipe.head, DenseHead) and recipe.head.sigmoid and len(labels_of(photos)) != 2:
        raise DataError(f"recipe {recipe.name} decides between two classes; {data} has {len(labels_of(photos))}")
    groups = duplicate_groups(photos)
    if split_path.exists():
        split = load_split(split_path, photos)
    else:
        ratios = Ratios(*recipe.ratios)
        split = make_split(photos, groups, ratios, seed=recipe.seed, as_published=recipe.published)
    labels = labels_of(photos)
    targets = np.array([labels.index(photo.label) for photo in photos])
    return RunData(photos, labels, targets, groups, split)
