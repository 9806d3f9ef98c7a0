"""Small models as people save them, in Keras 2 and 3, each with one of the pains that importing them has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tf_keras

SIDE = 16
CLASSES = 3
PICTURES = 50

MODULES = {2: tf_keras, 3: keras}


@dataclass(frozen=True, slots=True)
class Saved:
    """A model as it was saved, and how to ask it.

    Attributes:
        make: Builds the model with a version of Keras.
        version: Which version: 2 or 3.
        suffix: How it is saved.
        scaling: How its training code scaled the pixels before it saw them.
        options: What `import_model` is told besides.
        ending: What it ends in.
    """

    make: Callable[[ModuleType], Any]
    version: int
    suffix: str
    scaling: str = "unit"
    options: dict[str, Any] = field(default_factory=dict)
    ending: str = "softmax"


def _flattened(k: ModuleType, *behind: Any) -> Any:
    """A convolution, what is behind its Flatten, and softmax."""
    layers = k.layers
    maps = [layers.Input((SIDE, SIDE, 3)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()]
    return k.Sequential([*maps, layers.Flatten(), *behind, layers.Dense(CLASSES, activation="softmax")])


def flat(k: ModuleType) -> Any:
    return _flattened(k, k.layers.Dropout(0.5), k.layers.Dense(6, activation="relu"))


def normalized_flat(k: ModuleType) -> Any:
    """Normalization behind a Flatten, which depends on the order of what is flattened as the Dense layer does."""
    return _flattened(k, k.layers.BatchNormalization())


def _base(k: ModuleType) -> Any:
    """Two blocks of VGG16, by its names."""
    image = k.Input((SIDE, SIDE, 3))
    maps = image
    for block, width in enumerate((3, 5), start=1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            maps = k.layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(maps)
        maps = k.layers.MaxPooling2D(name=f"block{block}_pool")(maps)
    return k.Model(image, maps, name="vgg16")


def frozen_base(k: ModuleType) -> Any:
    base = _base(k)
    base.trainable = False
    return k.Sequential([base, k.layers.Flatten(), k.layers.Dense(CLASSES, activation="softmax")])


def normalized_base(k: ModuleType) -> Any:
    """A nested network, part of it frozen, with moving averages: its weights are saved out of order."""
    image = k.Input((SIDE, SIDE, 3))
    maps = k.layers.Conv2D(4, 3, use_bias=False)(image)
    maps = k.layers.ReLU(6.0)(k.layers.BatchNormalization()(maps))
    maps = k.layers.Conv2D(4, 3)(maps)
    maps = k.layers.LeakyReLU()(k.layers.BatchNormalization(scale=False)(maps))
    base = k.Model(image, maps, name="base")
    base.layers[1].trainable = base.layers[2].trainable = False
    outer = k.Input((SIDE, SIDE, 3))
    answer = k.layers.Dense(CLASSES, activation="softmax")(k.layers.GlobalAveragePooling2D()(base(outer)))
    return k.Model(outer, answer)


def augmented(k: ModuleType) -> Any:
    layers = k.layers
    changes = k.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)])
    return k.Sequential(
        [
            layers.Input((SIDE, SIDE, 3)),
            changes,
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="elu"),
            layers.GlobalMaxPooling2D(),
            layers.GaussianDropout(0.2),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def one_unit(k: ModuleType) -> Any:
    return k.Sequential(
        [
            k.layers.Input((SIDE, SIDE, 3)),
            k.layers.Conv2D(4, 3, activation="tanh"),
            k.layers.AveragePooling2D(3),
            k.layers.Flatten(),
            k.layers.Dense(1, activation="sigmoid"),
        ]
    )


def logits(k: ModuleType) -> Any:
    image = k.Input((SIDE, SIDE, 3))
    pooled = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 5, activation="swish")(image))
    return k.Model(image, k.layers.Dense(CLASSES)(pooled))


def preprocessed(k: ModuleType) -> Any:
    """A functional model with the arithmetic of two preprocess_input in it, and some of its own."""
    image = k.Input((SIDE, SIDE, 3))
    pixels = k.applications.mobilenet_v2.preprocess_input(k.applications.vgg16.preprocess_input(image))
    maps = k.layers.Conv2D(4, 3, activation="relu")(1.5 - pixels)
    pooled = k.layers.GlobalMaxPooling2D()(maps / 2.0 + maps)
    return k.Model(image, k.layers.Dense(CLASSES, activation="softmax")(pooled))


def mobile(k: ModuleType) -> Any:
    """Residual, squeeze-and-excitation and concatenated branches of separable convolutions."""
    layers = k.layers
    image = k.Input((SIDE, SIDE, 3))
    maps = layers.Conv2D(8, 3, strides=2, padding="same", activation="hard_sigmoid")(image)
    branch = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(layers.ZeroPadding2D(1)(maps))
    branch = layers.Cropping2D(1)(layers.BatchNormalization()(branch))
    squeezed = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(branch))
    maps = layers.Add()([maps, layers.Multiply()([branch, layers.Conv2D(8, 1, activation="sigmoid")(squeezed)])])
    other = layers.SeparableConv2D(4, 3, padding="same", activation="selu")(maps)
    maps = layers.Concatenate()([maps, layers.PReLU(shared_axes=[1, 2])(other)])
    kept = layers.SpatialDropout2D(0.1)(maps)
    return k.Model(image, layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(kept)))


def half_precision(k: ModuleType) -> Any:
    policy = k.mixed_precision if k is tf_keras else k.config
    set_policy = policy.set_global_policy if k is tf_keras else policy.set_dtype_policy
    set_policy("mixed_float16")
    try:
        return flat(k)
    finally:
        set_policy("float32")


def channels_first(k: ModuleType) -> Any:
    layers, first = k.layers, {"data_format": "channels_first"}
    image = k.Input((3, SIDE, SIDE))
    maps = layers.Conv2D(4, 3, activation="relu", **first)(image)
    maps = layers.MaxPooling2D(2, **first)(layers.BatchNormalization(axis=1)(maps))
    maps = layers.Concatenate(axis=1)([maps, layers.Conv2D(2, 3, padding="same", **first)(maps)])
    return k.Model(image, layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(maps)))


def two_outputs(k: ModuleType) -> Any:
    image = k.Input((SIDE, SIDE, 3))
    pooled = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 3, activation="gelu")(image))
    kind = k.layers.Dense(CLASSES, activation="softmax", name="kind")(pooled)
    return k.Model(image, [k.layers.Dense(1, name="weight")(pooled), kind])


def named_outputs(k: ModuleType) -> Any:
    """As `two_outputs`, the outputs by names that are not those of layers."""
    model = two_outputs(k)
    weight, kind = model.outputs
    return k.Model(model.inputs, {"heft": weight, "sort": kind})


def adapted(k: ModuleType) -> Any:
    scale = k.layers.Normalization()
    scale.adapt(np.random.default_rng(3).uniform(0, 255, (20, SIDE, SIDE, 3)).astype("float32"))
    layers = [k.layers.Input((SIDE, SIDE, 3)), k.layers.Resizing(12, 10), scale, k.layers.Conv2D(4, 3)]
    return k.Sequential([*layers, k.layers.GlobalMaxPooling2D(), k.layers.Dense(CLASSES), k.layers.Softmax()])


def shared(k: ModuleType) -> Any:
    """A layer and a nested network, each used twice, and an answer that no last activation makes."""
    image = k.Input((SIDE, SIDE, 3))
    twice = k.layers.Conv2D(3, 3, padding="same", activation="relu")
    tower = k.Sequential(
        [k.layers.Input((SIDE, SIDE, 3)), k.layers.Flatten(), k.layers.Dense(CLASSES, activation="softmax")]
    )
    maps = twice(image)
    return k.Model(image, k.layers.Average()([tower(maps), tower(twice(maps))]))


FIXTURES = {
    "flat, Keras 2": Saved(flat, 2, ".h5"),
    "flat, Keras 3": Saved(flat, 3, ".keras"),
    "frozen nested VGG16, Keras 2": Saved(frozen_base, 2, ".h5", "caffe"),
    "frozen nested VGG16, Keras 3": Saved(frozen_base, 3, ".h5", "caffe"),
    "nested, partly frozen, Keras 2": Saved(normalized_base, 2, ".h5"),
    "nested, partly frozen, Keras 3": Saved(normalized_base, 3, ".keras"),
    "nested, partly frozen, Keras 3 .h5": Saved(normalized_base, 3, ".h5"),
    "augmentation inside, Keras 2": Saved(augmented, 2, ".h5", "none"),
    "augmentation inside, Keras 3": Saved(augmented, 3, ".keras", "none"),
    "normalized behind Flatten, Keras 3": Saved(normalized_flat, 3, ".keras"),
    "one sigmoid unit, Keras 2": Saved(one_unit, 2, ".h5", "signed", ending="sigmoid"),
    "logits, Keras 3": Saved(logits, 3, ".h5", "torch", ending="logits"),
    "preprocess_input inside, Keras 2": Saved(preprocessed, 2, ".h5", "none"),
    "preprocess_input inside, Keras 3": Saved(preprocessed, 3, ".keras", "none"),
    "mobile blocks, Keras 2": Saved(mobile, 2, ".h5", "signed"),
    "mobile blocks, Keras 3": Saved(mobile, 3, ".keras", "signed"),
    "mixed precision, Keras 3": Saved(half_precision, 3, ".keras"),
    "weights and architecture, Keras 2": Saved(mobile, 2, ".weights.h5"),
    "weights and architecture, Keras 3": Saved(normalized_base, 3, ".weights.h5"),
    "channels first, Keras 3": Saved(channels_first, 3, ".keras"),
    "two outputs, Keras 3": Saved(two_outputs, 3, ".keras", options={"output": "kind"}),
    "adapted Normalization, Keras 2": Saved(adapted, 2, ".h5", "none"),
    "adapted Normalization, Keras 3": Saved(adapted, 3, ".keras", "none"),
    "shared layers, Keras 2": Saved(shared, 2, ".h5", ending="probabilities"),
    "shared layers, Keras 3": Saved(shared, 3, ".h5", ending="probabilities"),
}


def trained(saved: Saved) -> Any:
    """Build a model and give it weights under which its answers differ from picture to picture."""
    k = MODULES[saved.version]
    k.utils.set_random_seed(1)
    model = saved.make(k)
    rng = np.random.default_rng(5)
    for layer in _leaves(model):
        if layer.__class__.__name__ == "Normalization":
            continue
        values = [
            rng.uniform(0.5, 1.5, array.shape) if "variance" in weight.name else array + rng.normal(0, 0.2, array.shape)
            for weight, array in zip(layer.weights, layer.get_weights(), strict=True)
        ]
        layer.set_weights(values)
    return model


def _leaves(model: Any) -> list[Any]:
    found = []
    for layer in model.layers:
        found += _leaves(layer) if hasattr(layer, "layers") else [layer]
    return [layer for layer in found if layer.weights and not layer.__class__.__name__.startswith("Random")]


def save(model: Any, saved: Saved, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Save a model as people do; return the file and the options that read it."""
    path = folder / f"model{saved.suffix}"
    if saved.suffix != ".weights.h5":
        model.save(path)
        return path, saved.options
    architecture = folder / "architecture.json"
    architecture.write_text(model.to_json())
    model.save_weights(path)
    return path, {**saved.options, "architecture": architecture}
