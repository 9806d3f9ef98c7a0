"""Figures against values worked out by hand or known from the literature."""

import numpy as np
import pytest

from train.metrics import (
    calibrate,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    known_thresholds,
    reliability,
    resampled_interval,
    softmax,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (41, 43, 0.8454, 0.9872),
        (43, 43, 0.9180, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson_interval(right: int, total: int, low: float, high: float):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)


def test_resampled_interval():
    # Mean 0.9, variance 1/150, four folds of 20 %: t(0.975, 3) = 3.18245, correction 1/4 + 0.2/0.8.
    accuracies = np.array([0.8, 0.9, 0.9, 1.0])
    spread = 3.18245 * np.sqrt((0.02 / 3) * (0.25 + 0.25))
    assert resampled_interval(accuracies, 0.2) == pytest.approx((0.9 - spread, 1.0), abs=1e-5)
    assert resampled_interval(np.array([0.4, 0.5, 0.5, 0.6]), 0.2) == pytest.approx(
        (0.5 - spread, 0.5 + spread), abs=1e-5
    )


def test_softmax_in_double_precision():
    probabilities = softmax(np.array([[0.0, np.log(3.0)], [1000.0, 0.0]], np.float32))
    assert probabilities.dtype == np.float64
    assert probabilities == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0]]), abs=1e-7)


def test_expected_calibration_error():
    # Two bins of ten: 0.9 sure and half right, 0.6 sure and all right.
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.6, 0.4]])
    targets = np.array([0, 0, 0, 0])
    assert expected_calibration_error(probabilities, targets, bins=10) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert [row["share"] for row in reliability(probabilities, targets, bins=10)] == [0.5, 0.5]
    assert [row["accuracy"] for row in reliability(probabilities, targets, bins=10)] == [1.0, 0.5]


def test_a_certain_answer_falls_into_the_last_bin():
    assert reliability(np.array([[1.0, 0.0]]), np.array([0]), bins=15) == [
        {"confidence": 1.0, "accuracy": 1.0, "share": 1.0}
    ]


def _calibrated_logits(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw targets from the probabilities that the logits state."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 4))
    targets = (softmax(logits).cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    return logits, targets


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_temperature_is_recovered(factor: float):
    logits, targets = _calibrated_logits()
    assert fit_temperature(logits * factor, targets) == pytest.approx(factor, rel=0.03)


def test_perfect_answers_do_not_drive_the_temperature_to_zero():
    assert fit_temperature(np.eye(3) * 2, np.arange(3)) == pytest.approx(0.25, rel=0.01)


def test_calibrate_mends_overconfidence_and_lets_96_percent_of_right_answers_pass():
    logits, targets = _calibrated_logits()
    result = calibrate(logits * 3, targets)
    assert result["temperature"] == pytest.approx(3.0, rel=0.03)
    assert result["ece_before"] > 0.1
    assert result["ece_after"] < 0.02
    probabilities = softmax(logits * 3 / result["temperature"])
    scores = probabilities.max(axis=1)[probabilities.argmax(axis=1) == targets]
    assert (scores >= result["min_score"]).mean() == pytest.approx(0.96, abs=1e-3)


def test_calibrate_without_a_right_answer_calls_nothing_uncertain():
    assert calibrate(np.array([[5.0, 0.0], [4.0, 0.0]]), np.array([1, 1]))["min_score"] == 0.0


def test_evaluate_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2]])
    result = evaluate(probabilities, np.array([0, 1, 1, 1, 0]), ["a", "b", "never"])
    assert (result["photos"], result["right"], result["accuracy"]) == (5, 4, 0.8)
    assert result["accuracy_95"] == list(wilson_interval(4, 5))
    assert result["log_loss"] == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.4, 0.5]).mean())
    assert result["confusion"].tolist() == [[2, 0, 0], [1, 2, 0], [0, 0, 0]]
    a, b, never = (result["per_class"][label] for label in ("a", "b", "never"))
    assert (a["precision"], a["recall"], a["f1-score"], a["support"]) == pytest.approx((2 / 3, 1.0, 0.8, 2))
    assert (b["precision"], b["recall"], b["f1-score"], b["support"]) == pytest.approx((1.0, 2 / 3, 0.8, 3))
    assert (never["precision"], never["recall"], never["support"]) == (0, 0, 0)


def test_thresholds_keep_enough_right_answers_certain():
    scores = np.array([0.95] * 39 + [0.5])
    known = np.linspace(0.025, 1.0, 40)[::-1]  # the doubtful answer is the least known
    assert known_thresholds(scores, known, min_score=0.8, kept=0.9) == (0.8, pytest.approx(0.125))
    assert known_thresholds(scores, known, min_score=0.8, kept=0.8) == (0.8, pytest.approx(0.225))
    assert known_thresholds(np.array([]), np.array([]), min_score=0.8, kept=0.9) == (0.8, 0.0)


def test_a_score_costs_at_most_half_of_the_right_answers_that_may_be_lost():
    scores, known = np.array([0.95] * 93 + [0.7] * 4 + [0.6] * 3), np.linspace(0.01, 1, 100)[::-1]
    min_score, min_known = known_thresholds(scores, known, min_score=0.8, kept=0.9)
    assert min_score == 0.7  # 0.8 alone would lose seven of the ten
    assert ((scores >= min_score) & (known >= min_known)).sum() == 90


def test_a_score_that_costs_too_many_right_answers_is_lowered():
    scores, known = np.linspace(0.01, 1, 100), np.linspace(0.01, 1, 100)[::-1]
    min_score, min_known = known_thresholds(scores, known, min_score=0.8, kept=0.9)
    assert min_score == pytest.approx(0.05, abs=0.011)
    certain = (scores >= min_score) & (known >= min_known)
    assert certain.mean() == pytest.approx(0.9)
