from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.rival.features import LOGITS, NORMS, POOLINGS, Norm, normalized, pooled, with_head
from benchmarks.rival.files import convert_all, features_of
from benchmarks.rival.lite0 import build_lite0, imagenet_logits
from tests.benchmarks.rival.torch_files import random_lite0
from train.recipes import Pooling

Array = npt.NDArray[np.float64]
SIDE, WIDTHS, STRIDES, LAST = 30, (6, 8, 8), (1, 2, 1), 12
TENSORS = random_lite0(WIDTHS, LAST)
PICTURES = np.random.default_rng(1).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)


def test_the_network_is_the_published_one() -> None:
    maps = build_lite0(TENSORS, SIDE, STRIDES).predict(PICTURES[:2], verbose=0)
    assert maps.shape == (2, 8, 8, LAST)
    expected = np.stack([by_hand(picture, TENSORS) for picture in PICTURES[:2]])
    assert expected.std() > 0.5
    np.testing.assert_allclose(maps, expected, atol=2e-4)


def test_a_file_with_other_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="the file has 3 blocks, not 2"):
        build_lite0(TENSORS, SIDE, (1, 2))


def test_imagenets_classes_are_read_from_averaged_maps() -> None:
    tensors = {"_fc.weight": np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]), "_fc.bias": np.array([0.5, 0.0, 9.0])}
    maps = np.array([[1.0, 0.0], [3.0, 2.0]]).reshape(1, 1, 2, 2)  # averaged: 2, 1
    np.testing.assert_array_equal(imagenet_logits(tensors, maps), [[4.5, 10.0, 9.0]])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("norm", NORMS)
def test_the_network_reads_what_the_head_was_fitted_on(pooling: Pooling, norm: Norm) -> None:
    base = build_lite0(TENSORS, SIDE, STRIDES)
    kernel, bias = np.random.default_rng(2).normal(size=(LAST, 3)), np.array([0.1, 0.2, 0.3])
    network = with_head(base, pooling, norm, 3)
    network.get_layer(LOGITS).set_weights([kernel, bias])
    features = normalized(np.asarray(pooled(base(PICTURES), pooling)), norm)
    np.testing.assert_allclose(network.predict(PICTURES, verbose=0), features @ kernel + bias, atol=1e-4)


def test_files_of_all_precisions_read_the_same_features() -> None:
    base = build_lite0(TENSORS, SIDE, STRIDES)
    models = convert_all(with_head(base, "average", "unit", 3), 1.0, list(PICTURES), np.arange(6))
    features = {variant: features_of(model, list(PICTURES)) for variant, model in models.items()}
    expected = normalized(np.asarray(pooled(base(PICTURES), "average")), "unit")
    np.testing.assert_allclose(features["fp32"], expected, atol=1e-5)
    errors = {variant: np.abs(of_variant - expected).max() for variant, of_variant in features.items()}
    assert 0.0005 < errors["int8, 8-bit"] < 0.05
    assert 0.0005 < errors["int8, 7-bit"] < 0.1
    stored = {
        variant: max(
            np.abs(np.frombuffer(tensor.raw_data, np.int8).astype(int)).max()
            for tensor in model.graph.initializer
            if tensor.data_type == tensor.INT8 and tensor.name.endswith("weight_quantized")
        )
        for variant, model in models.items()
        if variant != "fp32"
    }
    assert stored == {"int8, 7-bit": 64, "int8, 8-bit": 127}


def by_hand(picture: npt.NDArray[np.uint8], tensors: Mapping[str, npt.NDArray[np.float32]]) -> Array:
    """Compute the maps `[h, w, C]` step by step, batch normalization and all."""

    def layer(maps: Array, convolution: str, norm: str, stride: int = 1) -> Array:
        scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + 1e-3)
        convolved = _convolved(maps, tensors[f"{convolution}.weight"], stride)
        return (convolved - tensors[f"{norm}.running_mean"]) * scale + tensors[f"{norm}.bias"]

    maps = _relu6(layer((picture.astype(float) - 127) / 128, "_conv_stem", "_bn0", 2))
    for number, stride in enumerate(STRIDES):
        prefix, entered = f"_blocks.{number}.", maps
        if number:
            maps = _relu6(layer(maps, f"{prefix}_expand_conv", f"{prefix}_bn0"))
        maps = _relu6(layer(maps, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride))
        maps = layer(maps, f"{prefix}_project_conv", f"{prefix}_bn2")
        if number == 2:  # the one block that leaves size and width as they are
            maps = maps + entered
    return _relu6(layer(maps, "_conv_head", "_bn1"))


def _convolved(maps: Array, kernel: npt.NDArray[np.float32], stride: int) -> Array:
    """Convolve with TensorFlow's "same" padding: with stride 2, the greater part of it is at the end."""
    size, side = kernel.shape[-1], maps.shape[0]
    sides = -(-side // stride)
    padding = max(0, (sides - 1) * stride + size - side)
    padded = np.pad(maps, [(padding // 2, padding - padding // 2)] * 2 + [(0, 0)])
    out = np.empty((sides, sides, len(kernel)))
    for row in range(sides):
        for column in range(sides):
            window = padded[row * stride :, column * stride :][:size, :size]
            if kernel.shape[1] == 1 < maps.shape[-1]:
                out[row, column] = np.einsum("hwc,chw->c", window, kernel[:, 0])
            else:
                out[row, column] = np.einsum("hwi,oihw->o", window, kernel)
    return out


def _relu6(maps: Array) -> Array:
    return np.clip(maps, 0, 6)
