"""How much a photo counts: by set, by class, by source; and a stranger, by its part."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.levers.yardstick import Yardstick
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
