"""bfloat16: used inside its context alone, and only where the processor is made for it."""

import keras
import numpy as np
import pytest

from train.networks import precision
from train.networks.network import forward
from train.networks.precision import bfloat16_where_fast

PIXELS = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    maps = image = keras.Input((16, 16, 3))
    for filters in (16, 32, 32):
        maps = keras.layers.Conv2D(filters, 3, activation="relu")(maps)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(maps))


@pytest.mark.skipif(not precision.has_fast_bfloat16(), reason="the processor has no AMX")
def test_answers_are_near_inside_and_exact_again_outside(network: keras.Model):
    answer = forward(network)
    exact = answer(PIXELS)
    with bfloat16_where_fast():
        inside = answer(PIXELS)
    assert 0 < np.abs(inside - exact).max() < 0.02 * np.abs(exact).max()
    assert np.array_equal(answer(PIXELS), exact)


@pytest.mark.parametrize("fields", [{"flags": "fpu avx2 avx512_bf16 avx512_vnni"}, {"Features": "asimd bf16"}, {}])
def test_other_processors_compute_as_ever(
    fields: dict[str, str], network: keras.Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(precision, "cpu_fields", lambda: fields)
    answer = forward(network)
    exact = answer(PIXELS)
    with bfloat16_where_fast():
        assert np.array_equal(answer(PIXELS), exact)
