"""Activation functions by the names that Keras saves them under."""

from typing import Any

import keras
from keras import ops

from train.errors import KerasFileError
from train.imports.reading.operations import Arithmetic

LINEAR, SOFTMAX, SIGMOID = "linear", "softmax", "sigmoid"
_ALIASES = {"softmax_v2": SOFTMAX, "swish": "silu", "hard_swish": "hard_silu", "None": LINEAR}
_NAMES = frozenset(
    {
        *(LINEAR, SOFTMAX, SIGMOID, "relu", "relu6", "leaky_relu", "elu", "selu", "silu", "hard_silu", "gelu", "tanh"),
        *("softplus", "softsign", "hard_sigmoid", "exponential", "mish"),
    }
)
LAYERS = frozenset({"ReLU", "LeakyReLU", "ELU", "Softmax"})


def activation_name(value: Any, layer: str) -> str:  # noqa: ANN401  # a JSON value
    """Return the name of a saved activation.

    Args:
        value: As a layer's settings have it: a name, or a record that names a function.
        layer: What messages call the layer.

    Raises:
        KerasFileError: It is none of Keras' own.
    """
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config")
    name = _ALIASES.get(str(value), str(value))
    if name not in _NAMES:
        raise KerasFileError(
            f"layer {layer!r} has an activation that is not Keras' own, {name[:60]!r}: "
            "replace it by one of Keras' and save the model again"
        )
    return name


def activation(name: str, keras_major: int, layer: str) -> keras.layers.Layer:
    """Return an activation as that version of Keras computes it, as a layer of a name."""
    if name == "hard_sigmoid" and keras_major < 3:
        return Arithmetic(lambda tensor: ops.clip(0.2 * tensor + 0.5, 0.0, 1.0), layer)
    return keras.layers.Softmax(name=layer) if name == SOFTMAX else keras.layers.Activation(name, name=layer)


def activation_layer(kind: str, config: dict[str, Any], name: str) -> keras.layers.Layer:
    """Return one of `LAYERS` from its settings, under a name."""
    match kind:
        case "ReLU":
            return keras.layers.ReLU(
                max_value=_number(config.get("max_value")),
                negative_slope=_number(config.get("negative_slope")) or 0.0,
                threshold=_number(config.get("threshold")) or 0.0,
                name=name,
            )
        case "LeakyReLU":
            slope = _number(config.get("negative_slope", config.get("alpha", 0.3)))
            return keras.layers.LeakyReLU(negative_slope=slope, name=name)
        case "ELU":
            return keras.layers.ELU(alpha=_number(config.get("alpha", 1.0)), name=name)
        case _:
            return keras.layers.Softmax(name=name)


def _number(value: Any) -> float | None:  # noqa: ANN401  # a JSON value
    if isinstance(value, dict):  # as Keras 2 wrote arrays of one number
        value = value.get("value")
    return None if value is None else float(value)
