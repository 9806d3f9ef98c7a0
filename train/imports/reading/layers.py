"""Which layers are rebuilt, and how: from saved settings to fresh Keras layers in float32, channels last.

Whatever is not here is not rebuilt. Settings that only matter in training are not looked at.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Config = dict[str, Any]
Shape = Sequence[int | None]

# At inference they return what they are given.
PASSING = frozenset(
    {
        *("Dropout", "SpatialDropout2D", "SpatialDropout1D", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
        *("ActivityRegularization", "Identity"),
        *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness"),
        *("RandomHeight", "RandomWidth", "RandomHue", "RandomSaturation", "RandomSharpness", "RandomShear"),
        *("RandomColorDegeneration", "RandomColorJitter", "RandomGaussianBlur", "RandomGrayscale", "RandomInvert"),
        *("RandomPerspective", "RandomPosterization", "RandomErasing", "RandomElasticTransform", "RandAugment"),
        *("AugMix", "Solarization", "MixUp", "CutMix"),
    }
)
MERGING = {
    "Add": keras.layers.Add,
    "Subtract": keras.layers.Subtract,
    "Multiply": keras.layers.Multiply,
    "Average": keras.layers.Average,
    "Maximum": keras.layers.Maximum,
    "Minimum": keras.layers.Minimum,
}
ALIASES = {
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "MaxPool2D": "MaxPooling2D",
    "AvgPool2D": "AveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}
_LARGEST = 2**16  # a stride, a kernel's side, a padding


def make_layer(kind: str, config: Config, name: str) -> keras.layers.Layer | None:
    """Return a layer of one input, without its activation; None for a kind that is not rebuilt.

    Args:
        kind: Its class.
        config: Its settings.
        name: The new layer's name.
    """
    maker = _MAKERS.get(kind)
    return None if maker is None else maker(config, name)


def count_weights(kind: str, config: Config, shape: Shape) -> int:
    """Return how many numbers a layer will ask for, before it asks.

    Args:
        kind: Its class.
        config: Its settings.
        shape: Of its input, channels last.
    """
    channels = int(shape[-1] or 0)
    match kind:
        case "Dense":
            return int(config["units"]) * (channels + bool(config.get("use_bias", True)))
        case "Conv2D" | "Conv2DTranspose":
            area = math.prod(_pair(config["kernel_size"]))
            groups = int(config.get("groups", 1))
            return int(config["filters"]) * (area * channels // groups + bool(config.get("use_bias", True)))
        case "DepthwiseConv2D":
            outputs = channels * int(config.get("depth_multiplier", 1))
            return outputs * (math.prod(_pair(config["kernel_size"])) + bool(config.get("use_bias", True)))
        case "SeparableConv2D":
            inner = channels * int(config.get("depth_multiplier", 1))
            own = int(config["filters"]) * (inner + bool(config.get("use_bias", True)))
            return inner * math.prod(_pair(config["kernel_size"])) + own
        case "BatchNormalization":
            return channels * (2 + bool(config.get("center", True)) + bool(config.get("scale", True)))
        case "LayerNormalization":
            return channels * (bool(config.get("center", True)) + bool(config.get("scale", True)))
        case "PReLU":
            shared = config.get("shared_axes") or ()
            return math.prod(1 if axis in shared else int(side or 0) for axis, side in enumerate(shape[1:], start=1))
    return 0


def _pair(value: Any) -> tuple[int, int]:  # noqa: ANN401  # a JSON value
    first, second = (value, value) if isinstance(value, int) else value
    if not (0 < first <= _LARGEST and 0 < second <= _LARGEST):
        raise ValueError(f"{value} is not a size")
    return int(first), int(second)


def _borders(value: Any) -> tuple[tuple[int, int], tuple[int, int]]:  # noqa: ANN401  # a JSON value
    rows, columns = (value, value) if isinstance(value, int) else value
    (top, bottom), (left, right) = ((side, side) if isinstance(side, int) else side for side in (rows, columns))
    if not all(0 <= width <= _LARGEST for width in (top, bottom, left, right)):
        raise ValueError(f"{value} is not a border")
    return (int(top), int(bottom)), (int(left), int(right))


def _zeros(*names: str) -> dict[str, str]:
    return {f"{name}_initializer": "zeros" for name in names}  # the file's own numbers follow


def _window(config: Config) -> dict[str, Any]:
    """Return what all convolutions have in common."""
    return {
        "kernel_size": _pair(config["kernel_size"]),
        "strides": _pair(config.get("strides", 1)),
        "padding": str(config.get("padding", "valid")),
        "dilation_rate": _pair(config.get("dilation_rate", 1)),
        "use_bias": bool(config.get("use_bias", True)),
    }


def _conv(config: Config, name: str) -> keras.layers.Layer:
    filters, groups = int(config["filters"]), int(config.get("groups", 1))
    return keras.layers.Conv2D(filters, groups=groups, name=name, **_window(config), **_zeros("kernel"))


def _transposed(config: Config, name: str) -> keras.layers.Layer:
    if config.get("output_padding") is not None:
        raise ValueError("its output_padding is not supported")
    return keras.layers.Conv2DTranspose(int(config["filters"]), name=name, **_window(config), **_zeros("kernel"))


def _depthwise(config: Config, name: str) -> keras.layers.Layer:
    multiplier = int(config.get("depth_multiplier", 1))
    return keras.layers.DepthwiseConv2D(
        depth_multiplier=multiplier, name=name, **_window(config), **_zeros("depthwise")
    )


def _separable(config: Config, name: str) -> keras.layers.Layer:
    filters, multiplier = int(config["filters"]), int(config.get("depth_multiplier", 1))
    zeros = _zeros("depthwise", "pointwise")
    return keras.layers.SeparableConv2D(filters, depth_multiplier=multiplier, name=name, **_window(config), **zeros)


def _dense(config: Config, name: str) -> keras.layers.Layer:
    return keras.layers.Dense(
        int(config["units"]), use_bias=bool(config.get("use_bias", True)), name=name, **_zeros("kernel")
    )


def _batch_normalization(config: Config, name: str) -> keras.layers.Layer:
    if config.get("renorm"):
        raise ValueError("batch renormalization is not supported")
    return keras.layers.BatchNormalization(
        epsilon=float(config.get("epsilon", 1e-3)),
        center=bool(config.get("center", True)),
        scale=bool(config.get("scale", True)),
        name=name,
    )


def _layer_normalization(config: Config, name: str) -> keras.layers.Layer:
    return keras.layers.LayerNormalization(
        epsilon=float(config.get("epsilon", 1e-3)),
        center=bool(config.get("center", True)),
        scale=bool(config.get("scale", True)),
        name=name,
    )


def _pooling(kind: Callable[..., keras.layers.Layer]) -> Callable[[Config, str], keras.layers.Layer]:
    def make(config: Config, name: str) -> keras.layers.Layer:
        size = _pair(config.get("pool_size", 2))
        strides = config.get("strides")
        padding = str(config.get("padding", "valid"))
        return kind(size, strides=size if strides is None else _pair(strides), padding=padding, name=name)

    return make


def _global(kind: Callable[..., keras.layers.Layer]) -> Callable[[Config, str], keras.layers.Layer]:
    return lambda config, name: kind(keepdims=bool(config.get("keepdims", False)), name=name)


def _resizing(config: Config, name: str) -> keras.layers.Layer:
    if config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio"):
        raise ValueError("resizing that crops or pads to the aspect ratio is not supported")
    height, width = _pair([config["height"], config["width"]])
    return keras.layers.Resizing(height, width, interpolation=str(config.get("interpolation", "bilinear")), name=name)


def _rescaling(config: Config, name: str) -> keras.layers.Layer:
    return keras.layers.Rescaling(numbers(config["scale"]), numbers(config.get("offset", 0.0)), name=name)


def _prelu(config: Config, name: str) -> keras.layers.Layer:
    return keras.layers.PReLU(shared_axes=config.get("shared_axes"), name=name)


def numbers(value: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401  # a JSON value
    """Return saved numbers as an array.

    Raises:
        ValueError: They are none.
    """
    if isinstance(value, dict):
        value = value["config"]["value"] if isinstance(value.get("config"), dict) else value["value"]
    found = np.asarray(value, np.float32)
    if not np.isfinite(found).all():
        raise ValueError("its numbers are not finite")
    return found


_MAKERS: dict[str, Callable[[Config, str], keras.layers.Layer]] = {
    "Conv2D": _conv,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "MaxPooling2D": _pooling(keras.layers.MaxPooling2D),
    "AveragePooling2D": _pooling(keras.layers.AveragePooling2D),
    "GlobalMaxPooling2D": _global(keras.layers.GlobalMaxPooling2D),
    "GlobalAveragePooling2D": _global(keras.layers.GlobalAveragePooling2D),
    "ZeroPadding2D": lambda config, name: keras.layers.ZeroPadding2D(_borders(config["padding"]), name=name),
    "Cropping2D": lambda config, name: keras.layers.Cropping2D(_borders(config["cropping"]), name=name),
    "Resizing": _resizing,
    "Rescaling": _rescaling,
    "PReLU": _prelu,
}
