"""Structured channel pruning of VGG16 with least-squares reconstruction.

Layer by layer, the weights on the channels that are kept are solved so that the pruned network
gives the original network's outputs on the task's own photos, from what its pruned layers really
pass on (He, Zhang, Sun 2017; ThiNet: Luo, Wu, Lin 2017). No labels, no training.
"""

from collections.abc import Mapping
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from train.networks.vgg16 import FIRST_CONV, conv_layers, pool_follows
from train.progress import track
from train.slim.patches import (
    KERNEL_AREA,
    Doubles,
    Maps,
    Singles,
    corners_of,
    kernel_to_matrix,
    matrix_to_kernel,
    patches_at,
    sample_places,
)
from train.slim.sensitivity import Channels, Reader, Sensitivity, measure_sensitivity, solve_ridge

PATCHES_A_LAYER = 8192
_BATCH = 16

Weights = dict[str, list[Singles]]


class Pruner:
    """A network and what its layers do on some of the task's photos.

    Args:
        base: The network to prune.
        last: The last of its layers that is needed.
        pixels: The photos as the network wants them, `float32 [N, H, W, 3]`.
        seed: Decides the places at which maps are sampled.
        first_stride: Of the pruned network, as in `train.recipes.Recipe`.
    """

    def __init__(self, base: keras.Model, last: str, pixels: Singles, seed: int, first_stride: int = 1) -> None:
        self.layers = conv_layers(last)
        self._first_stride = first_stride
        self._places: dict[str, npt.NDArray[np.int64]] = {}
        self._outputs: dict[str, Singles] = {}  # before the ReLU, at those places
        self._readers: dict[str, Reader] = {}  # each convolution, as the reader of the layer before it
        rng = np.random.default_rng(seed)
        maps = pixels.astype(np.float16)
        for name in track(self.layers, "Measuring layers"):
            kernel, bias = base.get_layer(name).get_weights()
            pictures, height, width, _ = maps.shape
            matrix = kernel_to_matrix(kernel)
            if pool_follows(name) and not pool_follows(name, first_stride):
                # The pruned layer gives at once what the original's gives after the pooling.
                places = sample_places(pictures, height // 2, width // 2, PATCHES_A_LAYER, rng)
                pooled = [patches_at(maps, corner) for corner in corners_of(places)]
                patches = pooled[0]
                outputs = np.max([part @ matrix.astype(np.float32) for part in pooled], axis=0)
            else:
                places = sample_places(pictures, height, width, PATCHES_A_LAYER, rng)
                patches = patches_at(maps, places)
                outputs = patches @ matrix.astype(np.float32)
            self._places[name], self._outputs[name] = places, outputs + bias
            patches -= patches.mean(axis=0)
            self._readers[name] = Reader(_mean_product(patches, patches), matrix, KERNEL_AREA)
            maps = convolve(maps, kernel, bias, pooled=pool_follows(name))

    def sensitivities(self, head: Mapping[str, Reader]) -> dict[str, Sensitivity]:
        """Measure every layer that may be pruned.

        Args:
            head: How the head reads the layers it is connected to. The network's last layer is
                pruned only if it is among them.
        """
        readers = {
            name: [*([] if follower is None else [self._readers[follower]]), *([head[name]] if name in head else [])]
            for name, follower in zip(self.layers, [*self.layers[1:], None], strict=True)
        }
        wanted = [name for name in self.layers if readers[name]]
        return {name: measure_sensitivity(readers[name]) for name in track(wanted, "Measuring channels")}

    def prune(self, pixels: Singles, keep: Mapping[str, Channels]) -> Weights:
        """Rebuild the network on some of its channels.

        Args:
            pixels: The same photos as the pruned network wants them, `float32 [N, H, W, 3]`.
            keep: Output channels to keep, by layer.

        Returns:
            Kernel `[3, 3, C, n]` and bias `[n]` of every layer.
        """
        weights: Weights = {}
        maps = pixels.astype(np.float16)
        for name in track(self.layers, "Rebuilding layers"):
            patches, wanted = patches_at(maps, self._places[name]), self._outputs[name][:, keep[name]]
            mean_in, mean_out = patches.mean(axis=0), wanted.mean(axis=0)
            patches -= mean_in
            matrix = solve_ridge(_mean_product(patches, patches), _mean_product(patches, wanted - mean_out))
            weights[name] = [matrix_to_kernel(matrix), (mean_out - mean_in @ matrix).astype(np.float32)]
            maps = convolve(maps, *weights[name], pooled=pool_follows(name, self._first_stride))
            if name == FIRST_CONV:
                maps = maps[
                    :, self._first_stride - 1 :: self._first_stride, self._first_stride - 1 :: self._first_stride
                ]
        return weights


def _mean_product(rows: Singles, others: Singles) -> Doubles:
    """Return the mean outer product of two sets of rows; multiplied in single precision, which is twice as fast."""
    return (rows.T @ others / np.float32(len(rows))).astype(np.float64)


def convolve(maps: Maps, kernel: Singles, bias: Singles, *, pooled: bool) -> Maps:
    """Apply one layer of VGG16 to `[N, h, w, C]`, and the max pooling behind it where there is one."""
    weights = tf.constant(kernel), tf.constant(bias)
    batches = (tf.constant(maps[i : i + _BATCH]) for i in range(0, len(maps), _BATCH))
    return np.concatenate([_LAYERS[pooled](batch, *weights).numpy() for batch in batches])


def _layer(maps: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, *, pooled: bool) -> tf.Tensor:
    outputs = tf.nn.relu(tf.nn.conv2d(tf.cast(maps, tf.float32), kernel, 1, "SAME") + bias)
    return tf.cast(tf.nn.max_pool2d(outputs, 2, 2, "VALID") if pooled else outputs, tf.float16)


# Weights are arguments, and shapes are open: one graph does for all layers, and none is traced again.
_LAYERS = {
    pooled: tf.function(
        partial(_layer, pooled=pooled),
        input_signature=(
            tf.TensorSpec((None, None, None, None), tf.float16),
            tf.TensorSpec((3, 3, None, None), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        ),
    )
    for pooled in (False, True)
}
