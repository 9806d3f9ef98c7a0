"""The networks: VGG16's convolutions with a head, from RGB pixels to logits.

A network takes RGB pixels in 0–255 and returns logits; preprocessing is its first
layer, so that whatever holds the network holds the right preprocessing too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from train.metrics import Floats
from train.networks.known import KNOWN, KNOWN_LOGITS, Known
from train.networks.pixels import Preprocess, pixel_scaling
from train.networks.pooling import pool_taps
from train.networks.vgg16 import build_base, tap_maps
from train.recipes import DenseHead, PooledHead, Recipe

FLATTEN = "flatten"
LOGITS = "logits"
FORWARD_BATCH = 8
_EPSILON = 1e-12


class RootNormalize(keras.layers.Layer):
    """Square root of non-negative features, then unit Euclidean length, along the last axis."""

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:  # [N, D]
        """Return `[N, D]`."""
        # sqrt has an infinite slope at 0, where most ReLU features start out.
        roots = ops.sqrt(ops.maximum(features, _EPSILON))
        return roots / ops.sqrt(ops.sum(ops.square(roots), axis=-1, keepdims=True))


class BinaryLogits(keras.layers.Layer):
    """The logit z of a sigmoid -> [0, z], whose softmax is [1 - sigmoid(z), sigmoid(z)]."""

    def call(self, logit: keras.KerasTensor) -> keras.KerasTensor:  # [N, 1]
        """Return `[N, 2]`."""
        return ops.pad(logit, [[0, 0], [1, 0]])


def build_network(recipe: Recipe, num_classes: int, weights: str | None) -> keras.Model:
    """Build a recipe's network.

    Args:
        recipe: Size, preprocessing and head.
        num_classes: Number of labels.
        weights: As in `build_base`.

    Returns:
        A model `[N, H, W, 3]` RGB 0–255 -> logits `[N, num_classes]`; for a head with `known`, -> `logits` and
        `known` `[N]` by name. The base's layers keep VGG16's names and are frozen; the layer that gives the
        logits is `logits`, or `logit` where one sigmoid unit decides.
    """
    base = build_base(recipe, weights)
    base.trainable = False
    image = keras.Input((recipe.image_size, recipe.image_size, 3), name="image_rgb")
    pixels = Preprocess(pixel_scaling(recipe), name="preprocess")(image)
    known = None
    match recipe.head:
        case PooledHead() as head:
            maps = tap_maps(base, head.taps)(pixels)
            features = pooled_features(list(pool_taps(maps, head.taps, head.grid, head.pooling).values()))
            if head.known is not None:
                joined = object_and_scene(features, maps, head.taps)
                known = Known(name=KNOWN)(keras.layers.Dense(num_classes + 2, name=KNOWN_LOGITS)(joined))
        case DenseHead():
            features = dense_features(recipe.head, ops.cast(base(pixels), "float32"))
    if isinstance(recipe.head, DenseHead) and recipe.head.sigmoid:
        logits = BinaryLogits(name="binary_logits")(keras.layers.Dense(1, name="logit")(features))
    else:
        logits = keras.layers.Dense(num_classes, name=LOGITS)(features)
    outputs = logits if known is None else {LOGITS: logits, KNOWN: known}
    return keras.Model(image, outputs, name=recipe.name.replace("-", "_"))


def output(network: keras.Model, name: str) -> keras.Model | None:
    """Return a network with one of its outputs, `logits` or `known`; None if it has no such output."""
    if isinstance(network.output, dict):
        found = network.output.get(name)
        return None if found is None else keras.Model(network.input, found)
    return network if name == LOGITS else None


def pooled_features(pooled: list[keras.KerasTensor], name: str = "features") -> keras.KerasTensor:
    """Join pooled taps `[N, C]`, each root-normalized, to `[N, sum of C]`."""
    prefix = "normalize" if name == "features" else f"normalize_{name}"
    normalized = [RootNormalize(name=f"{prefix}_{i}")(features) for i, features in enumerate(pooled)]
    return normalized[0] if len(normalized) == 1 else keras.layers.Concatenate(name=name)(normalized)


def object_and_scene(
    features: keras.KerasTensor, maps: Mapping[str, keras.KerasTensor], taps: Sequence[str]
) -> keras.KerasTensor:
    """Join the object's features with the plain averages of the maps, which see the whole scene: `[N, 2 D]`."""
    scene = pooled_features(list(pool_taps(maps, taps).values()), "scene")
    return keras.layers.Concatenate(name="object_and_scene")([features, scene])


def dense_features(head: DenseHead, maps: keras.KerasTensor) -> keras.KerasTensor:
    """Flatten feature maps `[N, h, w, C]` and apply the hidden layers."""
    features = keras.layers.Flatten(name=FLATTEN)(maps)
    penalty = keras.regularizers.L2(head.l2) if head.l2 else None
    for i, units in enumerate(head.units, start=1):
        hidden = keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty, name=f"hidden_{i}")
        features = hidden(features)
        if head.dropout:
            features = keras.layers.Dropout(head.dropout, name=f"dropout_{i}")(features)
    return features


def forward(model: keras.Model) -> Callable[[npt.NDArray[Any]], Floats]:
    """Return a function that runs a model on any number of pictures, a few at a time.

    Args:
        model: `[N, H, W, 3]` -> one output.

    Returns:
        Takes pixels 0–255 of any dtype, `[N, H, W, 3]`; returns the output for all of them.
    """
    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    run = tf.function(lambda pixels: model(pixels, training=False), input_signature=[signature])

    def run_all(batch_nhwc: npt.NDArray[Any]) -> Floats:
        parts = [batch_nhwc[i : i + FORWARD_BATCH] for i in range(0, len(batch_nhwc), FORWARD_BATCH)]
        return np.concatenate([run(tf.constant(part, tf.float32)).numpy() for part in parts])

    return run_all


def root_normalize(features: Floats) -> Floats:
    """`RootNormalize` for numpy, `float32 [N, D]`."""
    roots = np.sqrt(np.maximum(features, np.float32(_EPSILON)))
    normalized: Floats = roots / np.linalg.norm(roots, axis=-1, keepdims=True)
    return normalized
