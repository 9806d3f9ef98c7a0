"""What a classifier's probabilities are worth: accuracy with intervals, calibration, confusion."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax
from scipy.stats import binomtest
from scipy.stats import t as student_t
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

ECE_BINS = 15
# A perfect separation would drive the temperature to zero: these keep it honest.
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.25, 4.0
# A right answer should be called uncertain in at most 5 % of cases; the rest is for what int8 changes.
UNCERTAIN_RIGHT_SHARE = 0.04


def softmax(logits: Floats) -> Floats:
    """Return probabilities in double precision, rows summing to 1: `float64 [N, C]`."""
    probabilities: Floats = scipy_softmax(np.asarray(logits, np.float64), axis=-1)
    return probabilities


def evaluate(probabilities: Floats, targets: Ints, labels: Sequence[str]) -> dict[str, Any]:
    """Measure one part of the data.

    Args:
        probabilities: `[N, C]`, rows summing to 1.
        targets: Class indices `[N]`.
        labels: Class names, in output order.

    Returns:
        Counts, top-1 accuracy with its 95 % Wilson interval, log loss, expected
        calibration error, per-class precision/recall/F1/support, confusion matrix
        (rows: truth, columns: answer).
    """
    predicted = probabilities.argmax(axis=1)
    right = int((predicted == targets).sum())
    low, high = wilson_interval(right, len(targets))
    classes = np.arange(len(labels))
    return {
        "photos": len(targets),
        "right": right,
        "accuracy": right / len(targets),
        "accuracy_95": [low, high],
        "log_loss": log_loss(targets, probabilities, labels=classes),
        "ece": expected_calibration_error(probabilities, targets),
        "per_class": _per_class(targets, predicted, labels),
        "confusion": confusion_matrix(targets, predicted, labels=classes),
    }


def _per_class(targets: Ints, predicted: Ints, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    measured = precision_recall_fscore_support(targets, predicted, labels=np.arange(len(labels)), zero_division=0)
    names = ("precision", "recall", "f1-score", "support")
    return {
        label: {name: float(values[i]) for name, values in zip(names, measured, strict=True)}
        for i, label in enumerate(labels)
    }


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share `right / total` (Wilson 1927); holds for small counts."""
    interval = binomtest(right, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def resampled_interval(accuracies: Floats, held_out_share: float) -> tuple[float, float]:
    """Return the 95 % interval of the mean of repeated k-fold accuracies.

    Folds share training photos, so their scatter alone is too narrow; this is the
    corrected resampled t interval (Nadeau & Bengio 2003).

    Args:
        accuracies: One accuracy a fold and repeat, `[folds * repeats]`.
        held_out_share: Test share of a fold, 1 / folds.
    """
    count = len(accuracies)
    variance = accuracies.var(ddof=1) * (1 / count + held_out_share / (1 - held_out_share))
    spread = float(student_t.ppf(0.975, count - 1) * np.sqrt(variance))
    mean = float(accuracies.mean())
    return max(0.0, mean - spread), min(1.0, mean + spread)


def expected_calibration_error(probabilities: Floats, targets: Ints, bins: int = ECE_BINS) -> float:
    """Return the mean gap between confidence and accuracy, 0–1, over equal-width bins (Guo et al. 2017)."""
    return float(
        sum(
            abs(row["accuracy"] - row["confidence"]) * row["share"] for row in reliability(probabilities, targets, bins)
        )
    )


def reliability(probabilities: Floats, targets: Ints, bins: int = ECE_BINS) -> list[dict[str, float]]:
    """Return accuracy, mean confidence and share of the answers in each confidence bin that has any."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(confidence[index == b].mean()),
            "accuracy": float(right[index == b].mean()),
            "share": float((index == b).mean()),
        }
        for b in np.unique(index)
    ]


def fit_temperature(logits: Floats, targets: Ints, least: float = LEAST_TEMPERATURE) -> float:
    """Return the softmax temperature that makes held-out answers most likely (Guo et al. 2017).

    Args:
        logits: `[N, C]` of photos that the network was not trained on.
        targets: Class indices `[N]`.
        least: The lowest one; 1 where the network may have been trained on the photos, of which it is too sure then.
    """

    def negative_log_likelihood(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-log_probabilities[np.arange(len(targets)), targets].mean())

    bounds = (np.log(least), np.log(MOST_TEMPERATURE))
    found = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def calibrate(logits: Floats, targets: Ints, least_temperature: float = LEAST_TEMPERATURE) -> dict[str, float]:
    """Fit temperature and `min_score` on answers for photos that were held out of training.

    Args:
        logits: As in `fit_temperature`.
        targets: Likewise.
        least_temperature: Likewise.

    Returns:
        `temperature`; `min_score`, which 96 % of the right answers reach; and the
        expected calibration error before and after.
    """
    temperature = fit_temperature(logits, targets, least_temperature)
    raw, calibrated = softmax(logits), softmax(logits / temperature)
    right = calibrated.argmax(axis=1) == targets
    scores = calibrated.max(axis=1)[right]
    return {
        "temperature": temperature,
        "min_score": float(np.quantile(scores, UNCERTAIN_RIGHT_SHARE)) if len(scores) else 0.0,
        "ece_before": expected_calibration_error(raw, targets),
        "ece_after": expected_calibration_error(calibrated, targets),
    }


def known_thresholds(scores: Floats, known: Floats, min_score: float, kept: float) -> tuple[float, float]:
    """Return the thresholds of score and `known` from which an answer is certain.

    The score's is given, but lowered where it alone would cost more than half of the right answers that may be lost;
    that of `known` is the highest at which enough of them stay certain.

    Args:
        scores: Of right answers for photos that were held out, `[N]`.
        known: Of the same, `[N]`.
        min_score: The score's threshold.
        kept: Share of them, 0–1, that stay certain.

    Returns:
        `min_score` and `min_known`.
    """
    if not len(scores):
        return min_score, 0.0
    min_score = min(min_score, float(np.quantile(scores, (1 - kept) / 2, method="lower")))
    passing = np.sort(known[scores >= min_score])
    may_lose = len(passing) - math.ceil(kept * len(scores))
    return min_score, float(passing[max(may_lose, 0)])
