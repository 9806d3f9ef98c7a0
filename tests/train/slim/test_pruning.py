"""Rebuilding layers by least squares, on pictures smooth enough to have something to rebuild from."""

import keras
import numpy as np
import pytest

from train.networks.vgg16 import FULL_WIDTHS, build_base
from train.recipes import RECIPES
from train.slim.pruning import Pruner, convolve

SIDE_PX = 32


@pytest.fixture(scope="module")
def base(base_weights: str) -> keras.Model:
    return build_base(RECIPES["custom"], base_weights)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    coarse = np.random.default_rng(0).uniform(-100, 100, (24, 8, 8, 3)).astype(np.float32)
    return keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, (SIDE_PX, SIDE_PX), interpolation="bicubic"))


def test_all_channels_give_the_weights_that_were_there(base: keras.Model, pixels: np.ndarray):
    pruner = Pruner(base, "block1_conv2", pixels, seed=1)
    rebuilt = pruner.prune(pixels, {name: np.arange(FULL_WIDTHS[name]) for name in pruner.layers})
    maps, wanted = pixels.astype(np.float16), pixels.astype(np.float16)
    for name in pruner.layers:
        maps = convolve(maps, *rebuilt[name], pooled=False)
        wanted = convolve(wanted, *base.get_layer(name).get_weights(), pooled=False)
    assert np.abs(maps - wanted).max() < 0.01 * wanted.max()


def test_steps_of_two_pixels_come_close_to_what_the_pooling_gives(base: keras.Model, pixels: np.ndarray):
    pruner = Pruner(base, "block1_conv2", pixels, seed=1, first_stride=2)
    rebuilt = pruner.prune(pixels, {name: np.arange(FULL_WIDTHS[name]) for name in pruner.layers})
    first = convolve(pixels.astype(np.float16), *rebuilt["block1_conv1"], pooled=False)[:, 1::2, 1::2]
    maps = convolve(first, *rebuilt["block1_conv2"], pooled=False)
    original = pixels.astype(np.float16)
    for name in pruner.layers:
        original = convolve(original, *base.get_layer(name).get_weights(), pooled=name == "block1_conv2")
    assert maps.shape == original.shape == (24, SIDE_PX // 2, SIDE_PX // 2, 64)
    left = ((maps.astype(np.float32) - original) ** 2).mean() / original.astype(np.float32).var()
    assert left < 0.05
