"""3x3 patches of feature maps: at one place, a convolution is a linear function of the patch around it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

KERNEL_AREA = 9

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


def patches_at(maps: Maps, places: Places) -> Singles:
    """Cut the patches around some places out of zero-padded maps.

    Args:
        maps: `[N, h, w, C]`.
        places: Their centres, `[N, P, 2]`.

    Returns:
        `float32 [N * P, C * 9]`: a channel's nine values lie together.
    """
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    picture, row, column = np.arange(len(maps))[:, np.newaxis], places[..., 0], places[..., 1]
    shifted = [padded[picture, row + down, column + right] for down in range(3) for right in range(3)]
    return np.stack(shifted, axis=-1).reshape(-1, maps.shape[-1] * KERNEL_AREA).astype(np.float32)


def kernel_to_matrix(kernel: Singles) -> Doubles:
    """Turn a kernel `[3, 3, C, n]` into the matrix `[C * 9, n]` that a patch is multiplied by."""
    return kernel.transpose(2, 0, 1, 3).reshape(-1, kernel.shape[-1]).astype(np.float64)


def matrix_to_kernel(matrix: Doubles) -> Singles:
    """Undo `kernel_to_matrix`."""
    channels = len(matrix) // KERNEL_AREA
    return matrix.reshape(channels, 3, 3, -1).transpose(1, 2, 0, 3).astype(np.float32)
