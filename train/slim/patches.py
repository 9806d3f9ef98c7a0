"""Patches of feature maps: at one place, a convolution is a linear function of the patch around it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

KERNEL_AREA = 9  # of VGG16's kernels, and of a `Window` unless it says otherwise

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Maps = npt.NDArray[np.float16]
Places = npt.NDArray[np.int64]


def sample_places(pictures: int, height: int, width: int, total: int, rng: np.random.Generator) -> Places:
    """Draw places in every picture's map, without repetition.

    Args:
        pictures: Number of pictures.
        height: Rows of the map.
        width: Columns of the map.
        total: Places wanted in all pictures together, at least.
        rng: Source of randomness.

    Returns:
        `int64 [pictures, P, 2]`, row and column.
    """
    each = min(total // pictures + 1, height * width)
    flat = np.stack([rng.permutation(height * width)[:each] for _ in range(pictures)])
    return np.stack(np.divmod(flat, width), axis=-1)


def corners_of(places: Places) -> Iterator[Places]:
    """Yield the four places of a map, each in turn, that 2x2 pooling makes one, from the places behind it."""
    for down, right in np.ndindex(2, 2):
        yield 2 * places + (down, right)


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution sees of a map at each place.

    Attributes:
        height: Of its kernel.
        width: Likewise.
        strides: Steps down and to the right from place to place.
        is_padded: Whether zeros surround the map, as many as Keras' `same` asks for.
    """

    height: int = 3
    width: int = 3
    strides: tuple[int, int] = (1, 1)
    is_padded: bool = True

    def views(self, maps: Maps) -> Maps:
        """Return the windows of maps `[N, h, w, C]`, `[N, rows, columns, C, height, width]`; none is copied."""
        if self.is_padded:
            borders = map(_border, maps.shape[1:3], (self.height, self.width), self.strides)
            maps = np.pad(maps, ((0, 0), *borders, (0, 0)))
        views: Maps = sliding_window_view(maps, (self.height, self.width), axis=(1, 2))
        return views[:, :: self.strides[0], :: self.strides[1]]


def _border(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return how many zeros `same` puts before and behind a side."""
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return missing // 2, missing - missing // 2


THREE_BY_THREE = Window()


def patches_at(maps: Maps, places: Places, window: Window = THREE_BY_THREE) -> Singles:
    """Cut the patches around some places out of maps.

    Args:
        maps: `[N, h, w, C]`.
        places: Of the convolution's output, `[N, P, 2]`.
        window: What is seen at each.

    Returns:
        `float32 [N * P, C * area]`: a channel's values lie together.
    """
    picture = np.arange(len(maps))[:, np.newaxis]
    seen = window.views(maps)[picture, places[..., 0], places[..., 1]]  # [N, P, C, height, width]
    patches: Singles = seen.reshape(places.shape[0] * places.shape[1], -1).astype(np.float32)
    return patches


def kernel_to_matrix(kernel: Singles) -> Doubles:
    """Turn a kernel `[h, w, C, n]` into the matrix `[C * h * w, n]` that a patch is multiplied by."""
    return kernel.transpose(2, 0, 1, 3).reshape(-1, kernel.shape[-1]).astype(np.float64)


def matrix_to_kernel(matrix: Doubles, height: int = 3, width: int = 3) -> Singles:
    """Undo `kernel_to_matrix`."""
    channels = len(matrix) // (height * width)
    return matrix.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).astype(np.float32)
