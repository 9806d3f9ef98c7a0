"""Poolings of feature maps, against loops that spell the formulas out."""

import math

import numpy as np
import pytest

from benchmarks.levers.pooling import POOLINGS, cell_weights, class_map
from train.networks.network import root_normalize

MAPS = np.random.default_rng(3).gamma(0.5, 2.0, (2, 14, 14, 5)).astype(np.float32)


def spelled_out(x: np.ndarray, exponent: float, sigma: float | None) -> list[float]:
    """Pool one map `[h, w, C]` cell by cell."""
    side, channels = len(x), x.shape[2]
    sums, total = [0.0] * channels, 0.0
    for row in range(side):
        for column in range(side):
            r, c = row - (side - 1) / 2, column - (side - 1) / 2
            weight = sum(float(v) for v in x[row, column]) ** exponent
            weight *= 1 if sigma is None else math.exp(-0.5 * (r * r + c * c) / (sigma * side) ** 2)
            total += weight
            for channel in range(channels):
                sums[channel] += weight * float(x[row, column, channel])
    return [value / total for value in sums]


@pytest.mark.parametrize(
    ("name", "exponent", "sigma"),
    [
        ("mean", 0, None),
        ("gaussian", 0, 0.3),
        ("energy", 1, None),
        ("energy2", 2, None),
        ("energy-gaussian", 1, 0.3),
        ("eg2", 2, 0.3),
    ],
)
def test_weighted_poolings_are_their_formulas(name: str, exponent: float, sigma: float | None):
    pooled = POOLINGS[name](MAPS)
    assert pooled == pytest.approx(np.array([spelled_out(x, exponent, sigma) for x in MAPS]), rel=1e-5)


def test_the_centre_is_ten_of_fourteen_cells_and_gem_a_mean_of_cubes():
    inner = [[MAPS[n, 2:12, 2:12, c].sum() / 100 for c in range(5)] for n in range(2)]
    assert POOLINGS["centre"](MAPS) == pytest.approx(np.array(inner), rel=1e-5)
    cubes = [[(sum(float(v) ** 3 for v in MAPS[n, ..., c].ravel()) / 196) ** (1 / 3) for c in range(5)] for n in (0, 1)]
    assert POOLINGS["gem"](MAPS) == pytest.approx(np.array(cubes), rel=1e-5)


def test_a_map_of_nothing_is_averaged_and_strong_maps_do_not_overflow():
    assert cell_weights(np.zeros((1, 2, 2, 3), np.float32), 2, None).tolist() == [[[0.25, 0.25], [0.25, 0.25]]]
    strong = np.full((1, 2, 2, 3), 1e30, np.float32)
    strong[0, 0, 0] = 0
    assert cell_weights(strong, 2, None)[0] == pytest.approx(np.array([[0, 1 / 3], [1 / 3, 1 / 3]]))


def test_a_bright_cell_counts_more_and_a_corner_less():
    maps = np.ones((1, 14, 14, 1), np.float32)
    maps[0, 7, 7] = 3
    assert POOLINGS["mean"](maps)[0, 0] == pytest.approx(198 / 196)
    assert POOLINGS["energy2"](maps)[0, 0] == pytest.approx((195 + 27) / (195 + 9))
    weights = cell_weights(np.ones((1, 14, 14, 1), np.float32), 2, 0.3)[0]
    assert weights.sum() == pytest.approx(1)
    assert weights[0, 0] / weights[6, 6] == pytest.approx(math.exp(-0.5 * (2 * 6.5**2 - 2 * 0.5**2) / 4.2**2))


def test_cells_of_a_class_map_add_up_to_its_logit():
    kernel = np.random.default_rng(1).normal(size=5)
    heat = class_map(MAPS[0], kernel)
    assert heat.shape == (14, 14)
    assert heat.sum() == pytest.approx(float(root_normalize(MAPS[0].mean(axis=(0, 1))) @ kernel), rel=1e-5)
