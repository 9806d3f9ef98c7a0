"""The published networks as their projects had them: a frozen VGG16 in a Sequential, saved by either Keras."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from train.networks.vgg16 import FULL_WIDTHS
from train.recipes import DenseHead
from train.runs.finished import FinishedRun

SUFFIXES = (".h5", ".keras")


def keras_of(major: int) -> ModuleType:
    """Return Keras 3, or Keras 2 as the package tf_keras keeps it."""
    return import_module("tf_keras" if major == 2 else "keras")


def course_model(k: ModuleType, run: FinishedRun) -> Any:  # noqa: ANN401  # a model of either Keras
    """Build a run's network as a project would have, without what our networks do to pixels.

    Args:
        k: A version of Keras.
        run: A finished run of a published recipe, trained on pixels of 0-1.

    Raises:
        ValueError: The recipe is another.
    """
    recipe = run.recipe
    if not isinstance(recipe.head, DenseHead) or recipe.preprocessing != "unit":
        raise ValueError(f"{run.path} is not a run of a published recipe")
    side, layers = recipe.image_size, k.layers
    base = k.applications.VGG16(include_top=False, weights=None, input_shape=(side, side, 3))
    base.trainable = False
    last = layers.Dense(1, activation="sigmoid") if recipe.head.sigmoid else layers.Dense(len(run.labels), "softmax")
    hidden = []
    for units in recipe.head.units:
        hidden += [layers.Dense(units, activation="relu"), *([layers.Dropout(0.5)] if recipe.head.dropout else [])]
    model = k.Sequential([base, layers.Flatten(), *hidden, last])
    model.build((None, side, side, 3))
    model.compile("adam", "binary_crossentropy" if recipe.head.sigmoid else "categorical_crossentropy")
    ours = run.network.get_layer("vgg16")
    for name in FULL_WIDTHS:
        base.get_layer(name).set_weights(ours.get_layer(name).get_weights())
    names = [f"hidden_{number}" for number in range(1, len(recipe.head.units) + 1)]
    names.append("logit" if recipe.head.sigmoid else "logits")
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    for layer, name in zip(dense, names, strict=True):
        layer.set_weights(run.network.get_layer(name).get_weights())
    return model


def save(model: Any, folder: Path, major: int, suffix: str) -> Path:  # noqa: ANN401  # a model of either Keras
    """Save a model as people do; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"keras{major}{suffix}"
    model.save(path)
    return path
