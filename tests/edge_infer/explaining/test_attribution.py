"""How shares are divided: in proportion to what cells give a channel; constants by energy; sums always kept."""

import numpy as np
import pytest

from edge_infer.explaining.attribution import Part, Undivided, divide

KERNEL = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)


def unit(values: np.ndarray) -> np.ndarray:
    roots = np.sqrt(values)
    return (roots / np.linalg.norm(roots)).astype(np.float32)


def part_of(maps: np.ndarray, weights: np.ndarray, **options: object) -> Part:
    pooled = (maps * weights).sum(axis=(1, 2)) / weights.sum()
    features = pooled.astype(np.float32) if options.get("is_linear") else unit(pooled)
    return Part(maps, weights, features, **options)


def two_channels() -> tuple[np.ndarray, np.ndarray]:
    """One channel in the upper left, the other in the lower right, far enough apart for the blur."""
    maps = np.zeros((2, 9, 9), np.float32)
    maps[0, 1, 1], maps[1, 7, 7] = 3.0, 5.0
    return maps, np.ones((9, 9), np.float32)


def test_a_channel_speaks_where_it_is_active() -> None:
    part = part_of(*two_channels())
    logits = part.features @ KERNEL
    found = divide(logits, KERNEL, np.zeros(2, np.float32), [part])
    for number, (row, column) in enumerate(((1, 1), (7, 7))):
        assert found.cells[number].argmax() == 9 * row + column
        near = found.cells[number, row - 1 : row + 2, column - 1 : column + 2]
        assert near.sum() == pytest.approx(logits[number])
        assert near / near.max() == pytest.approx(np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]))
        assert np.abs(found.cells[number]).sum() == pytest.approx(logits[number])
    assert found.bias == pytest.approx([0, 0])


def test_the_bias_is_divided_by_the_energy_of_root_normalized_features() -> None:
    part = part_of(*two_channels())
    bias = np.array([-4.0, 0.0], np.float32)
    found = divide(part.features @ KERNEL + bias, KERNEL, bias, [part])
    shares = part.features**2
    first, second = found.cells[0, :3, :3].sum(), found.cells[0, 6:, 6:].sum()
    assert first == pytest.approx(part.features[0] - 4 * shares[0], abs=1e-6)
    assert second == pytest.approx(-4 * shares[1], abs=1e-6)
    assert found.cells[0].sum() == pytest.approx(found.values[0], abs=1e-6)
    assert (found.bias == 0).all()


def test_weights_and_depths_add_up() -> None:
    rng = np.random.default_rng(0)
    parts = [
        part_of(rng.random((4, 8, 8), np.float32), rng.random((8, 8), np.float32)),
        part_of(rng.random((5, 4, 4), np.float32), np.ones((4, 4), np.float32)),
    ]
    kernel, bias = rng.normal(size=(9, 3)).astype(np.float32), np.array([3.0, -2.0, 9.0], np.float32)
    logits = np.concatenate([part.features for part in parts]) @ kernel + bias
    found = divide(logits, kernel, bias, parts)
    assert found.cells.shape == (3, 8, 8)
    assert found.cells.sum(axis=(1, 2)) + found.bias == pytest.approx(logits, abs=1e-5)
    difference = found.weighted(np.array([[0], [-1], [1]], np.float32))
    assert difference.cells[0] == pytest.approx(found.cells[2] - found.cells[1], abs=1e-6)
    assert difference.values[0] == pytest.approx(logits[2] - logits[1])


def test_plain_averages_keep_their_bias_and_may_be_negative() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 9, 9)).astype(np.float32)
    part = part_of(maps, np.ones((9, 9), np.float32), is_linear=True)
    bias = np.array([1.0, -2.0], np.float32)
    found = divide(part.features @ KERNEL + bias, KERNEL, bias, [part])
    assert found.bias == pytest.approx(bias)
    assert found.cells.sum(axis=(1, 2)) + bias == pytest.approx(found.values, abs=1e-5)
    assert found.cells[1].min() < 0 < found.cells[1].max()


def test_a_silent_channel_says_nothing_of_a_place() -> None:
    """Its feature is tiny, its kernel may be huge: together a constant, divided as the bias is."""
    maps, weights = two_channels()
    maps[1] = 0
    part = Part(maps, weights, np.array([1.0, 1e-9], np.float32))
    kernel = np.array([[1.0], [2e9]], np.float32)
    found = divide(np.array([3.0], np.float32), kernel, np.zeros(1, np.float32), [part])
    assert found.cells.sum() == pytest.approx(3)
    assert found.cells[0, :3, :3].sum() == pytest.approx(3)
    everywhere_silent = Part(np.zeros_like(maps), weights, np.array([0.6, 0.8], np.float32))
    found = divide(
        np.array([5.0], np.float32), np.array([[3.0], [4.0]], np.float32), np.zeros(1, np.float32), [everywhere_silent]
    )
    assert (found.cells == 0).all()
    assert found.bias == pytest.approx([5.0])


def test_only_the_sums_that_are_asked_for_are_divided_and_come_out_alike() -> None:
    rng = np.random.default_rng(0)
    part = part_of(rng.random((4, 8, 8), np.float32), rng.random((8, 8), np.float32))
    kernel, bias = rng.normal(size=(4, 3)).astype(np.float32), np.array([3.0, -2.0, 9.0], np.float32)
    undivided = Undivided(part.features @ kernel + bias, kernel, bias, [part])
    every = undivided.weighted(np.eye(3, dtype=np.float32))
    factors, constants = rng.normal(size=(3, 2)).astype(np.float32), np.array([0.5, -1.0], np.float32)
    direct, later = undivided.weighted(factors, constants), every.weighted(factors, constants)
    assert direct.values == pytest.approx(later.values, abs=1e-5)
    assert direct.cells.sum(axis=(1, 2)) + direct.bias == pytest.approx(direct.values, abs=1e-5)
    assert direct.cells - later.cells == pytest.approx(constants[:, None, None] * every_energy(part), abs=1e-5)


def every_energy(part: Part) -> np.ndarray:
    """Return how a constant of 1 is divided."""
    one = Undivided(np.ones(1, np.float32), np.zeros((4, 1), np.float32), np.ones(1, np.float32), [part])
    return one.weighted(np.eye(1, dtype=np.float32)).cells
