"""From one grid of cells to a finer one: interpolated, and every cell's value kept whole."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float32]


def spread(cells: Map, size: tuple[int, int], part: tuple[float, float, float, float] | None = None) -> Map:
    """Draw cells on a grid of pixels so that the sum stays the same: linear between the centres of the cells.

    Args:
        cells: `float32 [..., h, w]`.
        size: Width and height of the grid.
        part: Left, top, right, bottom of what the cells cover, in pixels of the grid; by default all of it. What lies
            beyond the grid is left out.

    Returns:
        `float32 [..., height, width]`.
    """
    width, height = size
    left, top, right, bottom = (0.0, 0.0, width, height) if part is None else part
    rows = _distribution(cells.shape[-2], height, float(top), float(bottom))
    columns = _distribution(cells.shape[-1], width, float(left), float(right))
    return np.asarray(rows @ cells @ columns.T, np.float32)


@lru_cache(maxsize=32)
def _distribution(cells: int, pixels: int, start: float, stop: float) -> Map:
    """Return which share of each cell each pixel gets, `[pixels, cells]`; whole columns sum to 1."""
    first, last = int(np.floor(start)), max(int(np.ceil(stop)), int(np.floor(start)) + 1)
    places = np.clip((np.arange(first, last) + 0.5 - start) / (stop - start) * cells - 0.5, 0, cells - 1)
    shares = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(cells)))
    for cell in np.flatnonzero(shares.sum(axis=0) < 1e-6):  # fewer pixels than cells
        shares[np.abs(places - cell).argmin(), cell] = 1
    shares /= shares.sum(axis=0)
    inside = np.zeros((pixels, cells), np.float32)
    low, high = min(max(first, 0), pixels), min(max(last, 0), pixels)
    inside[low:high] = shares[low - first : high - first]
    return inside
