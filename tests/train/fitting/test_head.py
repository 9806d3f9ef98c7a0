"""The pooled head is scikit-learn's logistic regression, folded into one Dense layer."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from train.fitting.head import (
    STRANGE_DEVIATIONS,
    class_weights,
    familiarity,
    fit_linear,
    fit_rows,
    fitting_curve,
    head_features,
)
from train.metrics import softmax
from train.networks.network import root_normalize


def clusters(classes: int, count: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw overlapping classes of 5 features with different means and scales."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 1.5, (classes, 5))
    targets = np.repeat(np.arange(classes), count)
    features = (centres[targets] + rng.normal(0, 1, (len(targets), 5))) * [1, 2, 0.9, 3, 1] + [0, 5, 0, -7, 1]
    return features.astype(np.float32), targets


def test_logits_are_those_of_the_scikit_learn_pipeline():
    features, targets = clusters(classes=4)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(features, targets)
    head = fit_linear(features, targets, inverse_l2=0.1)
    assert (head.kernel.shape, head.bias.shape) == ((5, 4), (4,))
    assert (head.kernel.dtype, head.bias.dtype) == (np.float32, np.float32)
    assert head.logits(features) == pytest.approx(pipeline.decision_function(features), abs=1e-4)


def test_two_classes_get_two_logits_with_the_same_probabilities():
    features, targets = clusters(classes=2)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(features, targets)
    head = fit_linear(features, targets, inverse_l2=0.1)
    assert head.kernel.shape == (5, 2)
    assert softmax(head.logits(features)) == pytest.approx(pipeline.predict_proba(features), abs=1e-5)


def test_views_of_a_photo_share_its_target():
    first, targets = clusters(classes=3, seed=1)
    second, _ = clusters(classes=3, seed=2)
    by_views = fit_linear(np.stack([first, second]), targets, inverse_l2=0.1)
    by_rows = fit_linear(np.concatenate([first, second]), np.concatenate([targets, targets]), inverse_l2=0.1)
    assert np.array_equal(by_views.kernel, by_rows.kernel)
    assert np.array_equal(by_views.bias, by_rows.bias)


def test_the_solver_works_in_double_precision():
    features, targets = clusters(classes=3)
    single, double = (fit_linear(features.astype(kind), targets, inverse_l2=0.1) for kind in (np.float32, np.float64))
    assert np.array_equal(single.kernel, double.kernel)


def unit_rows(seed: int, count: int, *, centre: int) -> np.ndarray:
    """Draw features of unit length around one axis of eight."""
    rows = np.random.default_rng(seed).normal(0, 0.1, (count, 8))
    rows[:, centre] += 1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def familiar(photos: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the familiarity of features, measured on those of photos."""
    direction, bias = familiarity(photos)
    return features @ direction + bias


def test_strange_features_are_far_less_familiar_than_photos():
    known, strange = unit_rows(1, 200, centre=0), unit_rows(2, 50, centre=3)
    assert familiar(known, known).mean() == pytest.approx(STRANGE_DEVIATIONS, abs=1e-6)
    assert familiar(known, known).std() == pytest.approx(1, abs=1e-6)
    assert familiar(known, strange).max() < -6


def test_familiarity_is_zero_four_deviations_below_the_photos_along_what_they_have_in_common():
    known = unit_rows(1, 200, centre=0)
    covariance = np.cov(known.astype(np.float64), rowvar=False, bias=True)
    common = np.linalg.solve(covariance + 10 * covariance.trace() / 8 * np.eye(8), known.mean(axis=0))
    direction = common / np.linalg.norm(common)
    reach = known @ direction
    probe = direction * (reach.mean() - 4 * reach.std())
    assert familiar(known, probe[np.newaxis]) == pytest.approx([0], abs=1e-4)


def test_photos_that_are_all_the_same_are_familiar_and_nothing_else_is():
    known = np.repeat(unit_rows(1, 1, centre=0), 5, axis=0)
    assert familiar(known, known) == pytest.approx(np.full(5, STRANGE_DEVIATIONS), rel=1e-3)
    assert familiar(known, unit_rows(2, 1, centre=3)).max() < -6


def test_a_feature_that_hardly_moved_does_not_run_away_when_it_does():
    features, targets = clusters(classes=3)
    still = np.random.default_rng(0).normal(0, 1e-9, (*features.shape[:-1], 1))
    head = fit_linear(np.concatenate([features, still], axis=-1), targets, 1.0)
    moved = np.concatenate([features, np.full_like(still, 0.1)], axis=-1)
    plain = fit_linear(features, targets, 1.0).logits(features)
    assert head.logits(moved) == pytest.approx(plain, abs=0.05)


def test_a_weaker_penalty_gives_larger_weights():
    features, targets = clusters(classes=3)
    weak, strong = (fit_linear(features, targets, inverse_l2) for inverse_l2 in (10, 0.001))
    assert np.abs(weak.kernel).sum() > 5 * np.abs(strong.kernel).sum()


def test_head_features_joins_normalized_taps():
    rng = np.random.default_rng(0)
    features = {"a": rng.random((2, 3, 4), np.float32), "b": rng.random((2, 3, 6), np.float32)}
    joined = head_features(features, ("b", "a"))
    assert joined.shape == (2, 3, 10)
    assert np.array_equal(joined[..., :6], root_normalize(features["b"]))
    assert np.array_equal(joined[..., 6:], root_normalize(features["a"]))


def test_the_fitting_curve_ends_at_the_solution():
    (features, targets), (held_out, answers) = clusters(classes=3, seed=1), clusters(classes=3, seed=2)
    curve = fitting_curve((features[np.newaxis], targets), (held_out, answers), inverse_l2=0.1)
    head = fit_linear(features, targets, inverse_l2=0.1)
    assert curve["iterations"] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert curve["loss"] == sorted(curve["loss"], reverse=True)
    assert curve["loss"][0] > 1.2 * curve["loss"][-1]
    for prefix, x, y in (("", features, targets), ("val_", held_out, answers)):
        probabilities = softmax(head.logits(x))
        loss = -np.log(probabilities[np.arange(len(y)), y]).mean()
        assert curve[f"{prefix}loss"][-1] == pytest.approx(loss, abs=1e-4)
        assert curve[f"{prefix}accuracy"][-1] == (probabilities.argmax(axis=1) == y).mean()


def test_small_classes_count_more_by_the_balance():
    targets = np.array([0] * 8 + [1] * 2)
    assert class_weights(targets, 0).tolist() == [1] * 10
    assert class_weights(targets, 1) == pytest.approx(np.array([5 / 8] * 8 + [5 / 2] * 2))
    assert class_weights(targets, 0.5) == pytest.approx(np.sqrt(class_weights(targets, 1)))


def test_a_weight_of_two_is_the_photo_twice_and_only_proportions_count():
    rng = np.random.default_rng(7)
    features, targets = rng.normal(0, 1, (20, 3)), np.arange(20) % 2
    weights = np.array([1.0] * 10 + [2.0] * 10)
    twice = np.concatenate([np.arange(20), np.arange(10, 20)])
    # The penalty is that of weights of 1 on average, so it counts 20 photos here and 30 there.
    weighted = fit_linear(features, targets, 0.3, weights=weights)
    repeated = fit_linear(features[twice], targets[twice], 0.2)
    assert weighted.kernel == pytest.approx(repeated.kernel, rel=1e-3, abs=1e-4)
    again = fit_linear(features, targets, 0.3, weights=10 * weights)
    assert again.kernel == pytest.approx(weighted.kernel, rel=1e-5)


def test_a_photo_of_weight_two_is_a_photo_twice():
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(30, 4)), np.arange(30) % 3
    weights = np.ones(30)
    weights[:5] = 2
    twice = np.concatenate([np.arange(30), np.arange(5)])
    # the penalty goes by the mean weight, so it is the same for as many rows
    weighted = fit_rows(features, targets, weights, 0.1 * 35 / 30)
    repeated = fit_rows(features[twice], targets[twice], np.ones(35), 0.1)
    assert weighted.kernel == pytest.approx(repeated.kernel, abs=2e-3)
    assert weighted.bias == pytest.approx(repeated.bias, abs=2e-3)
    scaled = fit_rows(features, targets, 7 * weights, 0.1 * 35 / 30)
    assert scaled.kernel == pytest.approx(weighted.kernel, abs=1e-5)
