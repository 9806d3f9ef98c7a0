"""Joint folds of all photos, and accuracies whose intervals know that photos of one source resemble each other."""

import numpy as np
import numpy.typing as npt

from benchmarks.levers.yardstick import Yardstick
from train.errors import DataError
from train.fitting.crossval import FOLDS, fold_numbers
from train.metrics import Floats, Ints
from train.results.elsewhere import resampled_counts, share_interval

_RESAMPLES = 1000


def joint_folds(yardstick: Yardstick, repeats: int, seed: int) -> Ints:
    """Return the fold of every photo, `int64 [repeats, N]`: its model has seen none of the photos of its fold.

    The set, the photos from elsewhere and the strangers are folded apart, so that a fold has a fifth of each:
    the first two alike in classes, the strangers alike in parts. No unit is divided. Pictures that are only
    asked are dealt out in turn.

    Raises:
        DataError: There are too few units of something for so many folds.
    """
    _check_units(yardstick)
    folds = np.tile(np.arange(len(yardstick.photos), dtype=np.int64) % FOLDS, (repeats, 1))
    parts = np.unique(yardstick.parts, return_inverse=True)[1]
    for repeat in range(repeats):
        for of_part, strata in (
            (yardstick.own, yardstick.targets),
            (yardstick.wild, yardstick.targets),
            (yardstick.strangers, parts),
        ):
            chosen = np.flatnonzero(of_part)
            folds[repeat, chosen] = fold_numbers(strata[chosen], yardstick.units[chosen], seed + repeat)
    return folds


def _check_units(yardstick: Yardstick) -> None:
    own = yardstick.own
    chosen = {f"class {name} of the set": own & (yardstick.targets == i) for i, name in enumerate(yardstick.labels)}
    chosen |= {"photos from elsewhere": yardstick.wild, "strangers": yardstick.strangers}
    for name, of in chosen.items():
        if (units := len(np.unique(yardstick.units[of]))) < FOLDS:
            raise DataError(
                f"{name}: {FOLDS} folds need {FOLDS} sources, kinds or photos that are no duplicates, found {units}"
            )


def clustered_interval(right: Floats, of: Floats, sources: npt.NDArray[np.str_]) -> tuple[float, float]:
    """Return the 95 % interval of `right.sum() / of.sum()`: a bootstrap that draws sources, not photos.

    Args:
        right: What counts as right of each photo, `[N]`.
        of: What it counts at most, `[N]`; ones for an accuracy.
        sources: Where each is from, `[N]`.
    """
    groups = np.unique(sources, return_inverse=True)[1]
    _, whole, part = resampled_counts(np.stack([of, right]), groups)[:_RESAMPLES].T
    low, high = share_interval(part, whole) or (0.0, 1.0)
    return low, high


def summarize(probabilities: Floats, yardstick: Yardstick) -> dict[str, object]:
    """Return how right held-out answers are.

    Args:
        probabilities: `[repeats, N, C]`; rows of strangers are not read.
        yardstick: The photos.

    Returns:
        Shares, 0–1: `wild` with its interval, the mean over classes and over sources, by class and kind, the
        spread of the repeats, the accuracy of the more confident half; and `own`, the set's k-fold.
    """
    wild = yardstick.wild
    hits = probabilities.argmax(axis=-1) == yardstick.targets  # [repeats, N]
    of_photo, sources = hits[:, wild].mean(axis=0), yardstick.sources[wild]
    labels = np.array(yardstick.labels)[yardstick.targets[wild]]
    order = np.argsort(-probabilities[:, wild].max(axis=-1).ravel(), kind="stable")
    by_class = _by(of_photo, labels)
    return {
        "wild": float(of_photo.mean()),
        "wild_95": clustered_interval(of_photo, np.ones(len(of_photo)), sources),
        "wild_of_repeats": hits[:, wild].mean(axis=1).tolist(),
        "mean_of_classes": float(np.mean(list(by_class.values()))),
        "mean_of_sources": float(np.mean(list(_by(of_photo, sources).values()))),
        "by_class": by_class,
        "by_kind": _by(of_photo, yardstick.kinds[wild]),
        "top_half": float(hits[:, wild].ravel()[order[: len(order) // 2]].mean()),
        "own": float(hits[:, yardstick.own].mean()),
    }


def _by(values: Floats, names: npt.NDArray[np.str_]) -> dict[str, float]:
    return {str(name): float(values[names == name].mean()) for name in np.unique(names)}
