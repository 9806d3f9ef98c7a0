"""Which channels are kept, and what is said to be lost: on readers whose answer is known."""

import numpy as np
import pytest

from train.slim.sensitivity import Reader, channel_order, measure_sensitivity, solve_ridge


def reader(inputs: np.ndarray, weights: np.ndarray, block: int = 1) -> Reader:
    return Reader(np.cov(inputs, rowvar=False), weights, block)


@pytest.fixture
def inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4000, 6))


def test_contributions_sum_to_one_and_belong_to_channels(inputs: np.ndarray):
    independent = reader(inputs, np.diag([3.0, 0, 0, 0, 0, 4.0]), block=2)
    gram = independent.contributions()
    assert gram.shape == (3, 3)
    assert gram.sum() == pytest.approx(1)
    assert np.diag(gram) == pytest.approx([9 / 25, 0, 16 / 25], abs=0.03)


def test_the_channel_that_adds_most_comes_first(inputs: np.ndarray):
    weights = np.diag([1.0, 5.0, 2.0, 0.0, 4.0, 3.0])
    assert channel_order(reader(inputs, weights).contributions()).tolist()[:5] == [1, 4, 5, 2, 0]


def test_a_copy_of_a_channel_is_kept_last(inputs: np.ndarray):
    inputs[:, 2] = inputs[:, 1]  # what channel 2 adds, channel 1 can add
    order = channel_order(reader(inputs, np.ones((6, 1))).contributions()).tolist()
    assert order[0] in (1, 2)  # twice its weight explains both
    assert order[-1] in (1, 2)


def test_the_error_is_the_variance_that_the_others_cannot_explain(inputs: np.ndarray):
    inputs[:, 2] = inputs[:, 1] + inputs[:, 0]
    whole = reader(inputs, np.eye(6)[:, [2]])
    assert whole.error(np.array([0, 1])) == pytest.approx(0, abs=1e-3)  # the sum of both
    assert whole.error(np.array([0])) == pytest.approx(0.5, abs=0.03)
    assert whole.error(np.array([3])) == pytest.approx(1, abs=0.01)


def test_losses_of_all_readers_add_up_and_all_channels_lose_nothing(inputs: np.ndarray):
    one, other = reader(inputs, np.eye(6)[:, [0]]), reader(inputs, np.eye(6)[:, [1]])
    found = measure_sensitivity([one, other])
    assert set(found.order[:2].tolist()) == {0, 1}
    assert found.widths[-1] == 6
    assert found.errors[-1] == 0.0
    assert found.errors[found.widths.index(1)] == pytest.approx(1, abs=0.02)
    assert found.keep(2).tolist() == [0, 1]


def test_a_width_between_two_measured_ones_is_interpolated():
    found = measure_sensitivity([reader(np.random.default_rng(1).normal(size=(3000, 32)), np.eye(32))])
    assert found.widths == (1, 2, 4, 6, 8, 12, 16, 24, 32)
    assert found.errors[4] == pytest.approx(1 - 8 / 32, abs=0.02)
    assert found.errors[5] < found.error_at(10) < found.errors[4]


def test_the_ridge_is_small(inputs: np.ndarray):
    covariance = np.cov(inputs, rowvar=False)
    solution = np.arange(12.0).reshape(6, 2)
    assert solve_ridge(covariance, covariance @ solution) == pytest.approx(solution, rel=1e-3, abs=1e-3)
