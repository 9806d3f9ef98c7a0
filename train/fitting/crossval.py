"""Repeated stratified k-fold in which duplicates are never divided."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from train.data.dataset import Elsewhere
from train.metrics import Floats, Ints, resampled_interval
from train.progress import track

FOLDS = 5
REPEATS = 5

# (indices to train on, indices to answer) -> logits [answered, C]
FoldFit = Callable[[Ints, Ints], Floats]


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """Held-out answers of the first repeat's models about what is known.

    Attributes:
        own: `known`, 0–1, of the data set's photos, `[N]`.
        elsewhere: Of the photos from elsewhere, `[M]`.
        strangers: Of the strangers, each from a model that saw none of its kind, `[S]`.
        stranger_logits: The same models' logits for them, `[S, C]`.
    """

    own: Floats
    elsewhere: Floats
    strangers: Floats
    stranger_logits: Floats


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Answers for every photo, each from a model that saw neither it nor a duplicate of it.

    Attributes:
        logits: `[repeats, N, C]`.
        accuracies: Top-1 accuracy of each fold, `[repeats * folds]`.
        elsewhere: Logits for the photos from elsewhere, each from a model that saw none of its source,
            `[repeats, M, C]`.
        known: For a head with the output `known`.
    """

    logits: Floats
    accuracies: Floats
    elsewhere: Floats = field(default_factory=lambda: np.empty((1, 0, 1)))
    known: KnownAnswers | None = None

    def summary(self) -> dict[str, Any]:
        """Return mean accuracy, its 95 % interval and the folds' accuracies, for JSON."""
        return {
            "folds": FOLDS,
            "repeats": len(self.accuracies) // FOLDS,
            "mean_accuracy": float(self.accuracies.mean()),
            "mean_accuracy_95": resampled_interval(self.accuracies, 1 / FOLDS),
            "accuracies": self.accuracies.tolist(),
        }


def fold_numbers(targets: Ints, groups: Ints, seed: int) -> Ints:
    """Return the fold, from 0 on, that each photo is held out in.

    Args:
        targets: Class indices `[N]`.
        groups: What is never divided, `[N]`. Fewer groups than folds leave some folds empty.
        seed: Decides the folds.
    """
    numbers = np.zeros(len(targets), np.int64)
    splits = min(FOLDS, len(np.unique(groups)))
    if splits < 2:
        return numbers
    # A class with fewer photos than there are folds is not in all of them.
    is_stratified = np.bincount(targets).max() >= splits
    folder = (StratifiedGroupKFold if is_stratified else GroupKFold)(splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for number, (_, held_out) in enumerate(folder.split(targets, targets, groups)):
            numbers[held_out] = number
    return numbers


def photo_folds(targets: Ints, groups: Ints, elsewhere: Elsewhere | None, seed: int) -> Ints:
    """Return the fold that each photo of the data set, then each from elsewhere, is held out in, `[N + M]`.

    Args:
        targets: Class indices `[N]`.
        groups: Duplicate groups `[N]`.
        elsewhere: Photos from elsewhere, folded by source; None for none.
        seed: Decides the folds.
    """
    numbers = fold_numbers(targets, groups, seed)
    if elsewhere is None or not len(elsewhere.targets):
        return numbers
    return np.concatenate([numbers, fold_numbers(elsewhere.targets, elsewhere.groups, seed)])


def cross_validate(
    targets: Ints,
    groups: npt.NDArray[np.int64],
    fit: FoldFit,
    *,
    num_classes: int,
    seed: int,
    repeats: int = REPEATS,
    label: str = "Cross-validating",
    elsewhere: Elsewhere | None = None,
) -> CrossValidation:
    """Train and answer every fold of every repeat.

    Args:
        targets: Class indices `[N]`; every class needs at least `FOLDS` photos.
        groups: Duplicate groups `[N]`.
        fit: Trains on the first indices and returns logits for the second. Photos from elsewhere have the indices
            from N on.
        num_classes: Number of labels.
        seed: Decides the folds.
        repeats: How often the data is folded anew.
        label: What the progress bar says.
        elsewhere: Photos from elsewhere, folded by source, along with the others: a fold's model has seen none
            of its sources.
    """
    count, more = len(targets), 0 if elsewhere is None else len(elsewhere.targets)
    folds = []
    for repeat in range(repeats):
        numbers = photo_folds(targets, groups, elsewhere, seed + repeat)
        folds += [(repeat, np.flatnonzero(numbers != n), np.flatnonzero(numbers == n)) for n in range(FOLDS)]
    logits = np.empty((repeats, count + more, num_classes), np.float32)
    accuracies = []
    for repeat, train, held_out in track(folds, label):
        logits[repeat, held_out] = fit(train, held_out)
        own = held_out[held_out < count]
        accuracies.append((logits[repeat, own].argmax(axis=1) == targets[own]).mean())
    return CrossValidation(logits[:, :count], np.array(accuracies), logits[:, count:])
