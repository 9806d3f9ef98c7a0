"""From feature maps to one vector a picture: plain averages, or averages weighted towards the object.

One code serves the network, the cached features and the slim network's teacher.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from train.recipes import Pooling

SIGMA = 0.3  # of the map's side
_EPSILON = 1e-12


def pool_taps(
    maps: Mapping[str, keras.KerasTensor], taps: Sequence[str], grid: int = 1, pooling: Pooling = "average"
) -> dict[str, keras.KerasTensor]:
    """Pool the maps that a head reads.

    Args:
        maps: By layer, `[N, h, w, C]` each, with all of the taps.
        taps: Layers, the last one with the smallest maps.
        grid: As in `train.recipes.PooledHead`.
        pooling: Likewise.

    Returns:
        By tap, in their order, `float32 [N, D]`.

    Raises:
        ValueError: The maps are too small for the grid.
    """
    as_float = {tap: ops.cast(maps[tap], "float32") for tap in taps}
    if pooling == "average":
        return {tap: average(values, grid, f"pool_{tap}") for tap, values in as_float.items()}
    side = as_float[taps[-1]].shape[1]
    return {
        tap: EnergyPooling(name=f"energy_pool_{tap}")(_shrunk(values, side, tap)) for tap, values in as_float.items()
    }


class EnergyPooling(keras.layers.Layer):
    """Average feature maps over the cells where the object is, in one pass and without learning anything.

    A cell i weighs `w(i) = e(i)^2 G(i)`: e(i) is the sum of its activations over the channels, since an object
    excites more filters than its ground (CroW: Kalantidis, Mellina, Osindero 2016), and `G(i) = exp(-(r^2 + c^2) /
    (2 (SIGMA side)^2))`, r and c from the centre, since people put it there (SPoC: Babenko, Lempitsky 2015).
    Pooled are `sum_i w(i) x(i) / sum_i w(i)`. On photos of stones from elsewhere it gains as much over plain
    averages as a second look at the stone does, which costs a second pass.

    The weights are computed in float from the finished maps: int8 changes the convolutions before, no weight.
    """

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:  # non-negative, [N, h, w, C]
        """Return `[N, C]`."""
        # Channels first is ONNX's own order, so the exported graph needs no reordering here.
        maps_nchw = ops.transpose(maps, (0, 3, 1, 2))
        energy = ops.sum(maps_nchw, axis=1, keepdims=True)
        # Its largest becomes 1, so that no square leaves the range of half precision.
        energy = energy / ops.maximum(ops.max(energy, axis=(2, 3), keepdims=True), _EPSILON)
        # Maps that are all zero are pooled like any other.
        weights = ops.maximum(ops.square(energy), _EPSILON) * centre_weights(*maps.shape[1:3])
        weighted = ops.sum(maps_nchw * weights, axis=(2, 3))
        return weighted / ops.sum(weights, axis=(2, 3))


def centre_weights(height: int, width: int) -> npt.NDArray[np.float32]:
    """Return a Gaussian around the centre of a map, 1 there, `float32 [1, 1, h, w]`."""
    rows, columns = (
        np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (SIGMA * side)) ** 2) for side in (height, width)
    )
    weights: npt.NDArray[np.float32] = np.outer(rows, columns).astype(np.float32)[np.newaxis, np.newaxis]
    return weights


def _shrunk(maps: keras.KerasTensor, side: int, tap: str) -> keras.KerasTensor:
    """Average square blocks of cells, so that the maps have the side of the last tap's."""
    factor = maps.shape[1] // side
    return maps if factor == 1 else keras.layers.AveragePooling2D(factor, name=f"shrink_{tap}")(maps)


def average(maps: keras.KerasTensor, grid: int, name: str = "pool") -> keras.KerasTensor:
    """Average grid x grid parts of feature maps `[N, h, w, C]`: `[N, C]`, or `[N, C * grid * grid]`.

    Rows and columns that do not divide evenly are left out at the lower right.

    Raises:
        ValueError: The maps are too small for the grid.
    """
    if grid == 1:
        return keras.layers.GlobalAveragePooling2D(name=name)(maps)
    parts = keras.layers.AveragePooling2D((maps.shape[1] // grid, maps.shape[2] // grid), name=name)(maps)
    if parts.shape[1:3] != (grid, grid):
        raise ValueError(f"maps of {maps.shape[1]}x{maps.shape[2]} do not divide into {grid}x{grid} parts")
    # Channels first is ONNX's own order, so the exported graph needs no reordering here.
    channels_first = keras.layers.Permute((3, 1, 2), name=f"{name}_channels_first")(parts)
    return keras.layers.Reshape((-1,), name=f"{name}_flat")(channels_first)
