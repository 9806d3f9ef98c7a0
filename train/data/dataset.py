"""The data set: one object goes through all steps, so that each photo is found, hashed and decoded once.

`Dataset` is what lies in the folders; `train.data.run_data` is what one run makes of it, with its split.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge_infer.errors import InputError
from train.data.duplicates import (
    Fingerprint,
    Pair,
    check_readable,
    duplicate_groups,
    fingerprints,
    near_duplicates,
)
from train.data.elsewhere import Sourced, find_elsewhere, find_strangers, linked, same_kind
from train.data.photos import Photo, find_photos, find_pictures, labels_of
from train.errors import DataError
from train.metrics import Ints


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Labelled photos from elsewhere.

    Attributes:
        photos: The photos, in a fixed order.
        targets: Class indices `[M]`.
        groups: Of one source, or of sources that share a picture, `int64 [M]`: never divided between folds.
    """

    photos: tuple[Sourced, ...]
    targets: Ints
    groups: Ints


@dataclass(frozen=True, slots=True)
class Strangers:
    """Pictures of none of the classes.

    Attributes:
        photos: The pictures, in a fixed order.
        groups: Of one kind, `int64 [S]`: never divided between folds, so that a fold's strangers are of kinds that
            its model has not seen.
    """

    photos: tuple[Sourced, ...]
    groups: Ints


class Dataset:
    """Labelled photos, and pictures without labels to learn from besides.

    Everything is worked out when it is first asked for, and kept. Another source of pictures is one
    more argument here, and one more property that finds them.

    Args:
        folder: Labelled photos, in a layout of `train.data.photos`.
        test_folder: A frozen test apart from it, or None.
        unlabelled: Pictures without labels, as in `edge_infer.pictures.finding.sources.expand`.
        more: Folders of labelled photos from elsewhere, as in `train.data.elsewhere.find_elsewhere`.
        others: Folders of pictures of none of the classes, as in `train.data.elsewhere.find_strangers`.

    Attributes:
        notes: What was left out, or read as something else than it is called, in a line each; filled when the
            photos are found.
    """

    def __init__(
        self,
        folder: Path,
        test_folder: Path | None = None,
        unlabelled: Sequence[str] = (),
        more: Sequence[Path] = (),
        others: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self.test_folder = test_folder
        self.more = tuple(more)
        self.others = tuple(others)
        self.unlabelled_sources = tuple(unlabelled)
        self.notes: list[str] = []

    def find_files(self) -> None:
        """Find all pictures now, not when they are first asked for.

        Raises:
            DataError: There are none where they should be.
        """
        _ = self.unlabelled, self.photos, self._found_elsewhere, self._found_strangers  # worked out when they are read

    @cached_property
    def photos(self) -> list[Photo]:
        """All labelled photos, in a fixed order.

        Raises:
            DataError: As `train.data.photos.find_photos`.
        """
        return find_photos(self.folder, self.test_folder, self.notes.append)

    @cached_property
    def unlabelled(self) -> list[Photo]:
        """The pictures without labels, each once.

        Raises:
            DataError: As `train.data.photos.find_pictures`.
        """
        return find_pictures(self.unlabelled_sources, self.notes.append)

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The labelled photos from elsewhere, but those that show what a photo of the data set shows.

        Raises:
            DataError: As `train.data.elsewhere.find_elsewhere`, or a photo cannot be decoded.
        """
        return self._foreign[0]

    @cached_property
    def strangers(self) -> Strangers:
        """The pictures of none of the classes, but those that show what a labelled photo shows.

        Raises:
            DataError: As `train.data.elsewhere.find_strangers`, a picture cannot be decoded, or all are of one kind.
        """
        return self._foreign[1]

    @cached_property
    def _foreign(self) -> tuple[Elsewhere, Strangers]:
        """What is not the data set's, once duplicates of what is more worth are out."""
        labelled, strangers = self._found_elsewhere, self._found_strangers
        photos = [sourced.photo for sourced in (*labelled, *strangers)]
        own, more, others = np.split(self._groups_with(photos), [len(self.photos), len(self.photos) + len(labelled)])
        kept = np.flatnonzero(~np.isin(more, own))
        if len(kept) < len(labelled):
            self._note_left_out("--more", len(labelled) - len(kept), len(labelled))
        chosen = tuple(labelled[i] for i in kept)
        targets = np.array([self.labels.index(sourced.photo.label) for sourced in chosen], np.int64)
        sources = linked([sourced.source for sourced in chosen], [str(more[i]) for i in kept])
        kept = np.flatnonzero(~np.isin(others, [*own, *more]))
        if len(kept) < len(strangers):
            self._note_left_out("--others", len(strangers) - len(kept), len(strangers))
        strange = tuple(strangers[i] for i in kept)
        kinds = same_kind([sourced.kind for sourced in strange])
        groups = linked([str(kind) for kind in kinds], [str(others[i]) for i in kept])
        if strangers and not strange:
            raise DataError("each picture of --others shows what a labelled photo shows: give others, or leave it out")
        if len(np.unique(groups)) == 1:
            raise DataError(
                f"--others holds pictures of one kind alone ({strange[0].kind}), at least two are needed: what is "
                "none of the classes is learned from some kinds and measured on others. Each sub-folder is a kind, but "
                "those whose names begin with the same word are one; add pictures of another, or leave --others out"
            )
        return Elsewhere(chosen, targets, sources), Strangers(strange, groups)

    @property
    def elsewhere_digest(self) -> str:
        """Hex sha256 over the pictures of `more` and `others`, their labels and groups: equal digests, equal folds."""
        more, others = self.elsewhere, self.strangers
        shown = [
            [(sourced.photo.sha256, sourced.photo.label, group) for sourced, group in zip(photos, groups, strict=True)]
            for photos, groups in ((more.photos, more.groups.tolist()), (others.photos, others.groups.tolist()))
        ]
        return sha256(json.dumps(shown).encode()).hexdigest()

    def _note_left_out(self, option: str, count: int, total: int) -> None:
        self.notes.append(f"left out of {option}, since a labelled photo shows the same: {count} of {total}")

    def _groups_with(self, photos: Sequence[Photo]) -> Ints:
        """Return the duplicate groups of the data set's photos and of others behind them."""
        if not photos:
            return np.arange(len(self.photos))
        check_readable(self.unreadable)
        prints, unreadable = fingerprints(photos)
        check_readable(unreadable)
        return duplicate_groups([*self.photos, *photos], near_duplicates([*self.fingerprints, *prints]))

    @cached_property
    def _found_elsewhere(self) -> list[Sourced]:
        return find_elsewhere(self.more, self.labels, self.notes.append) if self.more else []

    @cached_property
    def _found_strangers(self) -> list[Sourced]:
        return find_strangers(self.others, self.notes.append)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return labels_of(self.photos)

    @cached_property
    def targets(self) -> Ints:
        """Class indices `[N]`."""
        return np.array([self.labels.index(photo.label) for photo in self.photos], np.int64)

    @cached_property
    def fingerprints(self) -> list[Fingerprint | None]:
        """The fingerprint of every labelled photo; None of one that cannot be decoded."""
        return self._looked_at[0]

    @cached_property
    def unreadable(self) -> Mapping[Photo, InputError]:
        """Why photos cannot be decoded, by photo."""
        return self._looked_at[1]

    @cached_property
    def near_duplicates(self) -> list[Pair]:
        """Pairs of labelled photos that show the same picture, or nearly, closest first."""
        return near_duplicates(self.fingerprints)

    @cached_property
    def groups(self) -> Ints:
        """Duplicate groups `[N]`.

        Raises:
            DataError: A photo cannot be decoded.
        """
        check_readable(self.unreadable)
        return duplicate_groups(self.photos, self.near_duplicates)

    @cached_property
    def _looked_at(self) -> tuple[list[Fingerprint | None], dict[Photo, InputError]]:
        return fingerprints(self.photos)
