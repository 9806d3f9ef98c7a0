"""Views that stay in memory once they are loaded: a distillation passes over them many times."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from train.metrics import Ints

Pixels = npt.NDArray[np.uint8]

KEPT_BYTES = 2**31


class KeptViews:
    """Loads views, and keeps as many as two gigabytes hold.

    Args:
        load: Returns some of the views, `uint8 [n, H, W, 3]`, by their numbers.
        count: How many there are.
        height: H, pixels.
        width: W, pixels.
    """

    def __init__(self, load: Callable[[Ints], Pixels], count: int, height: int, width: int) -> None:
        kept = min(count, KEPT_BYTES // (height * width * 3))
        self._load = load
        self._views = np.empty((kept, height, width, 3), np.uint8)
        self._is_kept = np.zeros(kept, bool)

    def load(self, chosen: Ints) -> Pixels:
        """Return some of the views, `uint8 [n, H, W, 3]`, by their numbers."""
        keepable = chosen < len(self._views)
        new = np.unique(chosen[keepable][~self._is_kept[chosen[keepable]]])
        if len(new):
            self._views[new], self._is_kept[new] = self._load(new), True
        views = np.empty((len(chosen), *self._views.shape[1:]), np.uint8)
        views[keepable] = self._views[chosen[keepable]]
        if not keepable.all():
            views[~keepable] = self._load(chosen[~keepable])
        return views
