"""Repeated stratified k-fold in which duplicates are never divided."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from train.metrics import Floats, Ints, resampled_interval
from train.progress import track

FOLDS = 5
REPEATS = 5

# (indices to train on, indices to answer) -> logits [answered, C]
FoldFit = Callable[[Ints, Ints], Floats]


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Answers for every photo, each from a model that saw neither it nor a duplicate of it.

    Attributes:
        logits: `[repeats, N, C]`.
        accuracies: Top-1 accuracy of each fold, `[repeats * folds]`.
    """

    logits: Floats
    accuracies: Floats

    def summary(self) -> dict[str, Any]:
        """Return mean accuracy, its 95 % interval and the folds' accuracies, for JSON."""
        return {
            "folds": FOLDS,
            "repeats": len(self.accuracies) // FOLDS,
            "mean_accuracy": float(self.accuracies.mean()),
            "mean_accuracy_95": resampled_interval(self.accuracies, 1 / FOLDS),
            "accuracies": self.accuracies.tolist(),
        }


def cross_validate(
    targets: Ints,
    groups: npt.NDArray[np.int64],
    fit: FoldFit,
    *,
    num_classes: int,
    seed: int,
    repeats: int = REPEATS,
    label: str = "Cross-validating",
) -> CrossValidation:
    """Train and answer every fold of every repeat.

    Args:
        targets: Class indices `[N]`; every class needs at least `FOLDS` photos.
        groups: Duplicate groups `[N]`.
        fit: Trains on the first indices and returns logits for the second.
        num_classes: Number of labels.
        seed: Decides the folds.
        repeats: How often the data is folded anew.
        label: What the progress bar says.
    """
    folds = [
        (repeat, train, held_out)
        for repeat in range(repeats)
        for train, held_out in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat).split(
            targets, targets, groups
        )
    ]
    logits = np.empty((repeats, len(targets), num_classes), np.float32)
    accuracies = []
    for repeat, train, held_out in track(folds, label):
        logits[repeat, held_out] = fit(train, held_out)
        accuracies.append((logits[repeat, held_out].argmax(axis=1) == targets[held_out]).mean())
    return CrossValidation(logits, np.array(accuracies))
