"""Figures against values worked out by hand, scikit-learn's, or what must come out of many draws."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from export.quality import agreement, ece_interval, measure_answers, score_auroc, share
from train.metrics import evaluate, wilson_interval


def test_answers_are_measured_with_what_is_certain_and_how_right_that_is() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45], [0.3, 0.7]])
    targets = np.array([0, 0, 0, 1])
    measured = measure_answers(probabilities, targets, ["a", "b"], probabilities.max(axis=1) >= 0.7)
    for figure, value in evaluate(probabilities, targets, ["a", "b"]).items():
        np.testing.assert_equal(measured[figure], value)
    assert measured["certain"] == {"count": 3, "of": 4, "share": 0.75, "share_95": list(wilson_interval(3, 4))}
    assert measured["right_of_certain"]["count"] == 2
    assert measured["right_of_certain"]["of"] == 3
    low, high = measured["ece_95"]
    assert 0 <= low < measured["ece"] < high <= 1


def test_a_share_of_nothing_is_null() -> None:
    assert share(0, 0) == {"count": 0, "of": 0, "share": None, "share_95": None}


def test_agreement_counts_answers_not_rightness() -> None:
    one = np.array([[0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    other = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
    same = agreement(one, other)
    assert (same["count"], same["of"], same["share_95"]) == (2, 3, list(wilson_interval(2, 3)))
    assert same["largest_difference"] == pytest.approx(0.5)


def test_the_interval_of_the_calibration_error_shrinks_with_the_photos() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 2000)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    targets = (rng.random(2000) > confidence - 0.1).astype(np.int64)  # ten points too sure
    (low, high), (lower, higher) = (ece_interval(probabilities[:n], targets[:n]) for n in (50, 2000))
    assert lower < 0.1 < higher
    assert higher - lower < (high - low) / 3


def test_auroc_is_scikit_learns_and_its_interval_holds_in_95_of_100_draws() -> None:
    rng = np.random.default_rng(1)
    truth, held = 0.7602, 0  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt(2))
    for _ in range(300):
        known, other = rng.normal(1, 1, 60), rng.normal(0, 1, 80)
        measured = score_auroc(known, other)
        low, high = measured["auroc_95"]
        held += low <= truth <= high
    labels = np.repeat([1, 0], [60, 80])
    assert measured["auroc"] == pytest.approx(roc_auc_score(labels, np.concatenate([known, other])))
    assert held / 300 == pytest.approx(0.95, abs=0.03)


def test_equal_scores_count_half() -> None:
    assert score_auroc(np.array([0.5, 0.5]), np.array([0.5, 0.5, 0.5]))["auroc"] == 0.5


def test_a_single_picture_says_nothing_of_the_spread():
    assert score_auroc(np.array([0.9, 0.8]), np.array([0.1])) == {"auroc": 1.0, "auroc_95": [0.0, 1.0], "pictures": 1}
