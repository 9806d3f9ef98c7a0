"""The networks: VGG16's convolutions with a head, from RGB pixels to logits.

A network takes RGB pixels in 0–255 and returns logits; preprocessing is its first
layer, so that whatever holds the network holds the right preprocessing too.
"""

from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from train.metrics import Floats
from train.networks.vgg16 import build_base, tap_maps
from train.recipes import DenseHead, PooledHead, Preprocessing, Recipe

# Mean of the ImageNet training set, RGB, 0-255 (Simonyan & Zisserman 2014; keras.applications "caffe" mode).
IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
# What a slim network takes off instead: one whole number for all channels, so that int8 needs no arithmetic for it.
GREY = 115
FLATTEN = "flatten"
FORWARD_BATCH = 8
_EPSILON = 1e-12

PixelScaling = Literal[Preprocessing, "grey"]


class Preprocess(keras.layers.Layer):
    """RGB pixels in 0–255 -> what the base of `build_base` expects, still RGB.

    Args:
        scaling: `caffe` or `unit`, as in `train.recipes.Recipe`, or `grey`: `GREY` is taken off.
    """

    def __init__(self, scaling: PixelScaling, **options: object) -> None:
        super().__init__(trainable=False, **options)
        self.scaling = scaling

    def call(self, image_rgb: keras.KerasTensor) -> keras.KerasTensor:  # symbolic or concrete, [N, H, W, 3]
        """Return `float32 [N, H, W, 3]`."""
        pixels = ops.cast(image_rgb, "float32")
        match self.scaling:
            case "unit":
                return pixels / 255.0
            case "grey":
                return pixels - float(GREY)
            case _:
                return pixels - ops.convert_to_tensor(IMAGENET_MEAN_RGB, "float32")


def pixel_scaling(recipe: Recipe) -> PixelScaling:
    """Return how a recipe's network scales its pixels.

    A slim network's first layer is solved anew, and its bias with it, so it can do with one grey
    value where the full network needs a mean for each channel.
    """
    return "grey" if recipe.widths is not None and recipe.preprocessing == "caffe" else recipe.preprocessing


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


class Familiarity(keras.layers.Layer):
    """Scale the logits by how familiar the picture is, 0–1: the sigmoid of the last one of them.

    What a picture has to be confident about is the quotient of two outputs, as in Generalized ODIN
    (Hsu, Shen, Jin, Kira 2020). The label stays the same; a strange picture's scores come out even.
    """

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:  # [N, C + 1]
        """Return `[N, C]`."""
        return outputs[:, :-1] * ops.sigmoid(outputs[:, -1:])


def build_network(recipe: Recipe, num_classes: int, weights: str | None) -> keras.Model:
    """Build a recipe's network.

    Args:
        recipe: Size, preprocessing and head.
        num_classes: Number of labels.
        weights: As in `build_base`.

    Returns:
        A model `[N, H, W, 3]` RGB 0–255 -> logits `[N, num_classes]`. The base's
        layers keep VGG16's names and are frozen; the head's last layer with weights is `logits`.
    """
    base = build_base(recipe, weights)
    base.trainable = False
    image = keras.Input((recipe.image_size, recipe.image_size, 3), name="image_rgb")
    pixels = Preprocess(pixel_scaling(recipe), name="preprocess")(image)
    match recipe.head:
        case PooledHead():
            maps = tap_maps(base, recipe.head.taps)(pixels)
            features = pooled_features([pool(maps[tap], recipe.head.grid, f"pool_{tap}") for tap in recipe.head.taps])
        case DenseHead():
            features = dense_features(recipe.head, ops.cast(base(pixels), "float32"))
    if isinstance(recipe.head, DenseHead) and recipe.head.sigmoid:
        logits = BinaryLogits(name="binary_logits")(keras.layers.Dense(1, name="logit")(features))
    else:
        logits = linear_logits(recipe.head, features, num_classes)
    return keras.Model(image, logits, name=recipe.name.replace("-", "_"))


def linear_logits(head: DenseHead | PooledHead, features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """Apply a head's last layer to features `[N, D]`: logits `[N, num_classes]`."""
    if not (isinstance(head, PooledHead) and head.familiarity):
        return keras.layers.Dense(num_classes, name="logits")(features)
    return Familiarity(name="familiarity")(keras.layers.Dense(num_classes + 1, name="logits")(features))


def pool(maps: keras.KerasTensor, grid: int, name: str = "pool") -> keras.KerasTensor:
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


def pooled_features(pooled: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Join pooled taps `[N, C]`, each root-normalized, to `[N, sum of C]`."""
    normalized = [RootNormalize(name=f"normalize_{i}")(features) for i, features in enumerate(pooled)]
    return normalized[0] if len(normalized) == 1 else keras.layers.Concatenate(name="features")(normalized)


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
