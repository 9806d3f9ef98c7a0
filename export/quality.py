"""What a finished model's answers are worth, with intervals: the export's report and benchmarks/accuracy.py."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from train.metrics import Floats, Ints, evaluate, expected_calibration_error, wilson_interval

_RESAMPLES = 1000
_Z_95 = 1.959964


def measure_answers(
    probabilities: Floats, targets: Ints, labels: Sequence[str], certain: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure a model's answers for labelled photos.

    Args:
        probabilities: `[N, C]`, rows summing to 1.
        targets: Class indices `[N]`.
        labels: Class names, in output order.
        certain: Which answers are certain, `[N]`.

    Returns:
        As `evaluate`, and `ece_95`; how many answers are `certain`, as a share with its interval, and how
        many of those are right.
    """
    right = probabilities.argmax(axis=1) == targets
    return {
        **evaluate(probabilities, targets, labels),
        "ece_95": ece_interval(probabilities, targets),
        "certain": share(int(certain.sum()), len(targets)),
        "right_of_certain": share(int((right & certain).sum()), int(certain.sum())),
    }


def share(count: int, total: int) -> dict[str, Any]:
    """Return a share with its counts and its 95 % Wilson interval; null of nothing."""
    if not total:
        return {"count": 0, "of": 0, "share": None, "share_95": None}
    return {"count": count, "of": total, "share": count / total, "share_95": list(wilson_interval(count, total))}


def agreement(answers: Floats, reference: Floats) -> dict[str, Any]:
    """Return how often two models give the same top-1 answer, from their probabilities `[N, C]` for the same photos."""
    same = answers.argmax(axis=1) == reference.argmax(axis=1)
    return {**share(int(same.sum()), len(same)), "largest_difference": float(np.abs(answers - reference).max())}


def ece_interval(probabilities: Floats, targets: Ints) -> list[float]:
    """Return the 95 % bootstrap interval of the expected calibration error; arguments as in `measure_answers`.

    With few photos in a bin, chance alone makes a gap: the error of 43 perfectly calibrated answers
    is not 0, and neither end of this interval is.
    """
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(targets), (_RESAMPLES, len(targets)))
    errors = [expected_calibration_error(probabilities[chosen], targets[chosen]) for chosen in drawn]
    return [float(end) for end in np.percentile(errors, (2.5, 97.5))]


def score_auroc(known: npt.NDArray[np.floating[Any]], other: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Return how well the score tells pictures of the task from others.

    Args:
        known: Scores of pictures that show one of the classes, `[N]`.
        other: Scores of pictures that show none, `[M]`.

    Returns:
        `auroc`: the probability that a picture of the task has the higher score (ties count half), with
        its 95 % interval (DeLong, DeLong, Clarke-Pearson 1988), which has no width if the groups do not overlap
        and is 0–1 if one of them is a single picture.
    """
    wins = (known[:, np.newaxis] > other).astype(float) + 0.5 * (known[:, np.newaxis] == other)
    area = float(wins.mean())
    if min(wins.shape) < 2:  # one picture has no scatter
        return {"auroc": area, "auroc_95": [0.0, 1.0], "pictures": len(other)}
    variance = wins.mean(axis=1).var(ddof=1) / len(known) + wins.mean(axis=0).var(ddof=1) / len(other)
    spread = _Z_95 * float(np.sqrt(variance))
    return {"auroc": area, "auroc_95": [max(0.0, area - spread), min(1.0, area + spread)], "pictures": len(other)}
