"""EfficientNet-Lite0 (Tan & Le 2019; Lite: no squeeze-and-excitation, ReLU6) from its published tensors.

Batch normalization and the scaling of pixels are folded into the convolutions, as any export would do.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Layer = tuple[Floats, Floats]  # kernel as Keras has it, bias

SIDE = 224
MAPS = "maps"  # the layer that gives the last maps, [N, 7, 7, 1280]
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of the blocks; all else is in the tensors' shapes
_PIXEL_MEAN, _PIXEL_DEVIATION = 127.0, 128.0
_EPSILON = 1e-3


def build_lite0(tensors: Mapping[str, Floats], side: int = SIDE, strides: Sequence[int] = STRIDES) -> keras.Model:
    """Build the network up to its last maps.

    Args:
        tensors: By PyTorch's names (`_blocks.0._depthwise_conv.weight`).
        side: Of the input, pixels.
        strides: Of each block.

    Returns:
        A model: RGB pixels 0-255 `[N, side, side, 3]` -> maps `[N, side / 32, side / 32, 1280]`, non-negative.

    Raises:
        KeyError: A tensor is missing.
        ValueError: There are more or fewer blocks than strides.
    """
    blocks = len({name.split(".")[1] for name in tensors if re.match(r"_blocks\.\d+\.", name)})
    if blocks != len(strides):
        raise ValueError(f"the file has {blocks} blocks, not {len(strides)}")
    image = keras.Input((side, side, 3), name="image_rgb")
    kernel, bias = _folded(tensors, "_conv_stem", "_bn0")
    pixels = keras.ops.subtract(keras.ops.cast(image, "float32"), _PIXEL_MEAN)  # not folded: the padding is its zero
    maps = _convolved(pixels, (kernel / _PIXEL_DEVIATION, bias), "stem", stride=2)
    for number, stride in enumerate(strides):
        maps = _block(maps, tensors, number, stride)
    maps = _convolved(maps, _folded(tensors, "_conv_head", "_bn1"), MAPS)
    return keras.Model(image, maps, name="efficientnet_lite0")


def imagenet_logits(tensors: Mapping[str, Floats], maps: Floats) -> Floats:
    """Return the logits of ImageNet's classes `[N, 1000]` for the last maps `[N, h, w, 1280]`."""
    logits: Floats = maps.mean(axis=(1, 2)) @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    return logits


def _block(maps: keras.KerasTensor, tensors: Mapping[str, Floats], number: int, stride: int) -> keras.KerasTensor:
    """Apply an inverted residual block (MobileNetV2: Sandler et al. 2018)."""
    prefix, name, entered = f"_blocks.{number}.", f"block{number}", maps
    if f"{prefix}_expand_conv.weight" in tensors:
        maps = _convolved(maps, _folded(tensors, f"{prefix}_expand_conv", f"{prefix}_bn0"), f"{name}_expand")
    depthwise = _folded(tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
    maps = _convolved(maps, depthwise, f"{name}_depthwise", stride=stride, depthwise=True)
    projection = _folded(tensors, f"{prefix}_project_conv", f"{prefix}_bn2")
    maps = _convolved(maps, projection, f"{name}_project", activated=False)
    if stride == 1 and maps.shape[-1] == entered.shape[-1]:
        maps = keras.layers.Add(name=f"{name}_add")([maps, entered])
    return maps


def _folded(tensors: Mapping[str, Floats], convolution: str, norm: str) -> Layer:
    """Return a convolution's kernel `[h, w, in, out]` and bias, its batch normalization folded in."""
    mean, variance, scale, shift = (
        tensors[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    factor = scale / np.sqrt(variance + _EPSILON)
    kernel = tensors[f"{convolution}.weight"] * factor[:, np.newaxis, np.newaxis, np.newaxis]
    return kernel.transpose(2, 3, 1, 0), shift - mean * factor


def _convolved(
    maps: keras.KerasTensor,
    layer: Layer,
    name: str,
    *,
    stride: int = 1,
    depthwise: bool = False,
    activated: bool = True,
) -> keras.KerasTensor:
    kernel, bias = layer
    size = kernel.shape[:2]
    if depthwise:
        convolution = keras.layers.DepthwiseConv2D(size, strides=stride, padding="same", name=f"{name}_conv")
        kernel = kernel.transpose(0, 1, 3, 2)
    else:
        convolution = keras.layers.Conv2D(kernel.shape[-1], size, strides=stride, padding="same", name=f"{name}_conv")
    convolved = convolution(maps)
    convolution.set_weights([kernel, bias])
    return keras.layers.ReLU(6.0, name=name)(convolved) if activated else convolved
