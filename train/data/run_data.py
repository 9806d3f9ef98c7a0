"""What one run makes of a data set: which photo is for what."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.data.dataset import Dataset, Elsewhere, Strangers
from train.data.duplicates import (
    check_readable,
    duplicate_groups,
    fingerprints,
    near_duplicates,
)
from train.data.layout import Part
from train.data.photos import Photo
from train.data.splits import Ratios, Split, check_class_sizes, load_split, make_split
from train.errors import DataError
from train.metrics import Ints
from train.progress import say
from train.recipes import DenseHead, Recipe


@dataclass(frozen=True, slots=True)
class RunData:
    """The data of a run.

    Attributes:
        dataset: The photos, with what is derived from them.
        split: Which photo is for what.
    """

    dataset: Dataset
    split: Split

    @property
    def photos(self) -> list[Photo]:
        """All labelled photos, in a fixed order."""
        return self.dataset.photos

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return self.dataset.labels

    @property
    def targets(self) -> Ints:
        """Class indices `[N]`."""
        return self.dataset.targets

    @property
    def groups(self) -> Ints:
        """Duplicate groups `[N]`."""
        return self.dataset.groups

    @property
    def elsewhere(self) -> Elsewhere:
        """The labelled photos from elsewhere."""
        return self.dataset.elsewhere

    @property
    def strangers(self) -> Strangers:
        """The pictures of none of the classes."""
        return self.dataset.strangers

    @property
    def not_test(self) -> Ints:
        """The indices of the photos that decisions may rest on: neither test photos nor duplicates of them."""
        return np.union1d(self.part("train"), self.part("validation"))

    def part(self, part: Part) -> Ints:
        """Return the indices of a part's photos."""
        return self.split.indices(self.photos, part)

    def part_photos(self, part: Part) -> list[Photo]:
        """Return a part's photos."""
        return self.split.photos(self.photos, part)

    def unlabelled(self) -> list[Photo]:
        """Return the unlabelled pictures but those that are, or nearly are, photos that the run is measured on.

        Raises:
            DataError: A path leads to no picture, or a picture cannot be decoded.
        """
        known = {photo.sha256 for photo in self.photos}
        found = [photo for photo in self.dataset.unlabelled if photo.sha256 not in known]
        if not found:
            return []
        prints, unreadable = fingerprints(found)
        check_readable(unreadable)
        measured = [*self.part("validation"), *self.part("test")]
        photos = [*(self.photos[i] for i in measured), *found]
        pairs = near_duplicates([*(self.dataset.fingerprints[i] for i in measured), *prints])
        groups = duplicate_groups(photos, pairs)
        taken = set(groups[: len(measured)])
        return [photo for photo, group in zip(found, groups[len(measured) :], strict=True) if group not in taken]


def read_run_data(recipe: Recipe, dataset: Dataset, split_path: Path | None = None) -> RunData:
    """Make the run's split, or read the one that is there.

    Raises:
        DataError: The photos cannot be trained on, or are not those of the split.
    """
    check_class_sizes(dataset.photos)
    _ = dataset.elsewhere  # which may have notes of its own
    for note in dataset.notes:
        say(f"Note: {note}")
    if isinstance(recipe.head, DenseHead) and recipe.head.sigmoid and len(dataset.labels) != 2:
        raise DataError(f"recipe {recipe.name} decides between two classes; {dataset.folder} has {len(dataset.labels)}")
    if split_path is not None and split_path.exists():
        return RunData(dataset, load_split(split_path, dataset.photos))
    ratios = Ratios(*recipe.ratios)
    split = make_split(dataset.photos, dataset.groups, ratios, seed=recipe.seed, as_published=recipe.published)
    return RunData(dataset, split)
