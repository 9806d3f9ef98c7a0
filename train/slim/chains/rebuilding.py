"""Channel pruning of a plain chain with least-squares reconstruction, as `train.slim.pruning` does for VGG16.

The Dense layer behind the last maps is rebuilt too: what a cell of the original's map holds is solved from the channels
that are kept, by one matrix for all cells, so that millions of its weights need no more photos than a convolution.
"""

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from train.progress import track
from train.slim.chains.chain import Chain, Stage, Weights, set_weights
from train.slim.patches import (
    Doubles,
    Maps,
    Singles,
    Window,
    kernel_to_matrix,
    matrix_to_kernel,
    patches_at,
    sample_places,
)
from train.slim.sensitivity import Channels, Reader, Sensitivity, measure_sensitivity, solve_ridge

PLACES_A_LAYER = 8192
_BATCH = 16
_LARGEST = 6e4  # of half precision

Places = npt.NDArray[np.int64]


class ChainPruner:
    """A chain and what its layers do on some photos.

    Args:
        chain: The chain.
        pixels: The photos as its network wants them, `float32 [N, H, W, 3]`.
        seed: Decides the places at which maps are sampled.
    """

    def __init__(self, chain: Chain, pixels: Singles, seed: int) -> None:
        self._chain = chain
        self._places: dict[str, Places] = {}
        self._outputs: dict[str, Singles] = {}  # of each convolution, at those places
        readers: list[Reader] = []
        rng = np.random.default_rng(seed)
        self._first = maps = _entered(chain, pixels)
        for stage in track(chain.stages, "Measuring layers"):
            name, matrix = stage.name, kernel_to_matrix(stage.kernel)
            rows, columns = stage.conv.output.shape[1:3]
            self._places[name] = sample_places(len(maps), rows, columns, PLACES_A_LAYER, rng)
            patches = patches_at(maps, self._places[name], _window(stage))
            self._outputs[name] = patches @ matrix.astype(np.float32) + stage.bias
            patches -= patches.mean(axis=0)
            readers.append(Reader(_mean_product(patches, patches), matrix, len(matrix) // maps.shape[-1]))
            maps = _applied(stage.conv.input, stage.last.output, maps)
        self._cells = _cell_places(maps, rng)
        self._joined = _joined(chain, maps, self._cells)
        readers.append(Reader(np.cov(self._joined, rowvar=False), _condensed(_by_channel(chain)), 1))
        self._readers = dict(zip(chain.widths, readers[1:], strict=True))

    def sensitivities(self) -> dict[str, Sensitivity]:
        """Measure every convolution."""
        readers = track(list(self._readers.items()), "Measuring channels")
        return {name: measure_sensitivity([reader]) for name, reader in readers}

    def prune(self, keep: Mapping[str, Channels]) -> Weights:
        """Rebuild the network on some of its channels.

        Args:
            keep: Output channels to keep, by convolution.

        Returns:
            The weights of a network that `Chain.with_widths` builds.
        """
        chain = self._chain
        network = chain.with_widths({name: len(kept) for name, kept in keep.items()})
        weights = chain.unchanged()
        set_weights(network, weights)
        maps = self._first
        for stage in track(chain.stages, "Rebuilding layers"):
            name, kept = stage.name, keep[stage.name]
            patches = patches_at(maps, self._places[name], _window(stage))
            matrix, bias = _solved(patches, self._outputs[name][:, kept])
            own = {name: [matrix_to_kernel(matrix, *stage.conv.kernel_size), bias]}
            own |= {
                layer.name: [array[..., kept] for array in layer.get_weights()]
                for layer in stage.followers
                if layer.weights
            }
            set_weights(network, own)
            weights |= own
            rebuilt = network.get_layer(name)
            maps = _applied(rebuilt.input, network.get_layer(stage.last.name).output, maps)
        matrix, offset = _solved(_joined(chain, maps, self._cells), self._joined)  # [kept, C], [C]
        rows = _by_channel(chain)  # [C, places * units]
        shape = (len(matrix), chain.places, chain.reader.units)
        kernel = (matrix @ rows).reshape(shape).transpose(1, 0, 2).reshape(-1, shape[-1])
        bias = (offset @ rows).reshape(shape[1:]).sum(axis=0)
        if chain.reader.use_bias:
            bias = bias + chain.reader.get_weights()[1]
        return weights | {chain.reader.name: [kernel.astype(np.float32), bias.astype(np.float32)]}


def _window(stage: Stage) -> Window:
    (height, width), strides = stage.conv.kernel_size, tuple(stage.conv.strides)
    return Window(height, width, strides, is_padded=stage.conv.padding == "same")


def _solved(rows: Singles, wanted: Singles) -> tuple[Doubles, Singles]:
    """Return matrix and offset by which rows `[n, d]` come closest to what is wanted, `[n, D]`."""
    mean_in, mean_out = rows.mean(axis=0), wanted.mean(axis=0)
    centred = rows - mean_in
    matrix = solve_ridge(_mean_product(centred, centred), _mean_product(centred, wanted - mean_out))
    return matrix, (mean_out - mean_in @ matrix).astype(np.float32)


def _mean_product(rows: Singles, others: Singles) -> Doubles:
    return (rows.T @ others / np.float32(len(rows))).astype(np.float64)


def _by_channel(chain: Chain) -> Doubles:
    """Return the reader's kernel with a row for each channel, `[C, places * units]`."""
    kernel = chain.reader.get_weights()[0].astype(np.float64)
    by_place = kernel.reshape(chain.places, -1, chain.reader.units)
    by_channel: Doubles = by_place.transpose(1, 0, 2).reshape(by_place.shape[1], -1)
    return by_channel


def _condensed(rows: Doubles) -> Doubles:
    """Return `[C, C]` with the same inner products as rows `[C, n]`: all that counts of a reader's weights."""
    values, vectors = np.linalg.eigh(rows @ rows.T)
    condensed: Doubles = vectors * np.sqrt(np.maximum(values, 0))
    return condensed


def _cell_places(maps: Maps, rng: np.random.Generator) -> Places:
    pictures, height, width, _ = maps.shape
    return sample_places(pictures, height, width, 2 * PLACES_A_LAYER, rng)


def _joined(chain: Chain, maps: Maps, places: Places) -> Singles:
    """Return what the reader sees of each channel: the maps' cells, or their maxima, `[n, C]`."""
    if isinstance(chain.join, keras.layers.GlobalMaxPooling2D):
        largest: Singles = maps.max(axis=(1, 2)).astype(np.float32)
        return largest
    return patches_at(maps, places, Window(1, 1))


def _entered(chain: Chain, pixels: Singles) -> Maps:
    if not chain.entrance:
        return pixels.astype(np.float16)
    return _applied(chain.image, chain.entrance[-1].output, pixels)


def _applied(given: keras.KerasTensor, wanted: keras.KerasTensor, maps: Maps | Singles) -> Maps:
    """Run the part of a network between two of its tensors on maps `[N, h, w, C]`, in half precision outside of it."""
    part = keras.Model(given, wanted)
    done = []
    for start in range(0, len(maps), _BATCH):
        batch = part(tf.cast(maps[start : start + _BATCH], tf.float32), training=False)
        done.append(tf.cast(tf.clip_by_value(batch, -_LARGEST, _LARGEST), tf.float16).numpy())
    return np.concatenate(done)
