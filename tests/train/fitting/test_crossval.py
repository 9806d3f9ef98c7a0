"""K-fold: every photo answered by a model that has seen neither it nor a copy of it."""

import numpy as np
import pytest

from train.fitting.crossval import FOLDS, REPEATS, cross_validate
from train.metrics import resampled_interval

TARGETS = np.repeat(np.arange(3), 20)
GROUPS = np.arange(60) // 2  # pairs


class Recorder:
    """A fit that answers class 0 to everything and remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        self.calls.append((train, held_out))
        return np.tile([1.0, 0.0, 0.0], (len(held_out), 1)) + held_out[:, np.newaxis]


def run(seed: int = 1) -> tuple[Recorder, object]:
    fit = Recorder()
    return fit, cross_validate(TARGETS, GROUPS, fit, num_classes=3, seed=seed, repeats=2)


def test_five_by_five_is_the_default():
    assert (FOLDS, REPEATS) == (5, 5)
    assert cross_validate.__kwdefaults__["repeats"] == 5


def test_every_photo_is_answered_once_a_repeat():
    fit, result = run()
    assert len(fit.calls) == 2 * FOLDS
    for repeat in range(2):
        answered = np.concatenate([held_out for _, held_out in fit.calls[repeat * FOLDS : (repeat + 1) * FOLDS]])
        assert sorted(answered) == list(range(60))
        assert np.array_equal(result.logits[repeat, :, 1], np.arange(60))


def test_groups_are_never_divided_and_folds_are_stratified():
    fit, _ = run()
    for train, held_out in fit.calls:
        assert not set(GROUPS[train]) & set(GROUPS[held_out])
        assert len(train) + len(held_out) == 60
        assert np.bincount(TARGETS[held_out]).tolist() == [4, 4, 4]


def test_folds_follow_from_the_seed_and_differ_between_repeats():
    first, again, other = (run(seed)[0].calls for seed in (1, 1, 7))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first[:FOLDS], first[FOLDS:], strict=True))


def test_summary_has_the_mean_and_its_interval():
    _, result = run()
    assert result.accuracies == pytest.approx(np.full(10, 1 / 3))
    varied = type(result)(result.logits, np.array([0.2, 0.3, 0.4, 0.3, 0.3] * 2))
    summary = varied.summary()
    assert (summary["folds"], summary["repeats"], summary["mean_accuracy"]) == (5, 2, pytest.approx(0.3))
    assert summary["mean_accuracy_95"] == resampled_interval(varied.accuracies, 0.2)
    assert summary["accuracies"] == [0.2, 0.3, 0.4, 0.3, 0.3] * 2
