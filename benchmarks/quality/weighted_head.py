"""A linear head of photos that count differently: by set, by class, by source; strangers as one class more."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.quality.yardstick import Yardstick
from train.fitting.head import MAX_ITERATIONS, LinearHead
from train.metrics import Floats, Ints


@dataclass(frozen=True, slots=True)
class Weighting:
    """How much a photo counts.

    Attributes:
        own: A photo of the set, where one from elsewhere counts 1.
        by_class: Classes are evened out to this power: 0 not at all, 1 entirely.
        by_source: Photos of a class from one source are, likewise.
    """

    own: float = 1.0
    by_class: float = 0.0
    by_source: float = 0.0

    def of(self, yardstick: Yardstick, chosen: Ints) -> Floats:
        """Return the weights of some labelled photos, `float64 [N]`."""
        targets, own = yardstick.targets[chosen], yardstick.own[chosen]
        named = np.char.add(yardstick.sources[chosen], np.char.mod(" %d", targets))
        index, counts = np.unique(named, return_inverse=True, return_counts=True)[1:]
        weights = np.where(own, self.own, counts[index] ** -self.by_source)
        totals = np.bincount(targets, weights, len(yardstick.labels))
        scale = np.where(totals > 0, totals.mean() / np.where(totals > 0, totals, 1), 1) ** self.by_class
        of_photo: Floats = weights * scale[targets]
        return of_photo


EVEN = Weighting()


def stranger_weights(parts: npt.NDArray[np.str_], of_part: dict[str, float], total: float) -> Floats:
    """Return the weights of strangers: by their part, together as much as `total`. Parts not named count 1."""
    weights = np.array([of_part.get(str(part), 1.0) for part in parts])
    scaled: Floats = weights * total / weights.sum()
    return scaled


def fit_weighted(features: Floats, targets: Ints, weights: Floats, inverse_l2: float) -> LinearHead:
    """Solve a multinomial logistic regression on standardized features, and fold the standardization in.

    Args:
        features: `[N, D]`.
        targets: Class indices `[N]`, at least three classes; every one from 0 on must occur.
        weights: What each row counts, `[N]`; only their ratios matter.
        inverse_l2: scikit-learn's C, for weights of mean 1.
    """
    rows, relative = features.astype(np.float64), weights / weights.mean()
    scaler = StandardScaler().fit(rows, sample_weight=relative)
    model = LogisticRegression(C=inverse_l2, max_iter=MAX_ITERATIONS)
    model.fit(scaler.transform(rows), targets, sample_weight=relative)
    kernel = (model.coef_ / scaler.scale_).T
    return LinearHead(kernel.astype(np.float32), (model.intercept_ - scaler.mean_ @ kernel).astype(np.float32))
