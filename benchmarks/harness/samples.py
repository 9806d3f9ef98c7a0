"""Summaries of measured times that say how sure they are.

Times are lists of rounds of runs: runs of one round follow each other and share what the machine was
doing, so intervals are drawn from whole rounds.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

Rounds = Sequence[Sequence[float]]

CONFIDENCE = 0.99
TAIL_PERCENTILES = (90, 99)
_RESAMPLES = 1000


@cache
def needed_samples(percentile: float) -> int:
    """Return how many samples a percentile needs: 64 for p90, 662 for p99.

    So many that with `CONFIDENCE` at least two of them lie above it (Wilks 1941); with fewer, what is
    printed as p99 may well be the p97.
    """
    share, count = percentile / 100, 2
    while 1 - share**count - count * (1 - share) * share ** (count - 1) < CONFIDENCE:
        count += 1
    return count


def summarize_ms(seconds: Sequence[float] | Rounds) -> dict[str, Any]:
    """Summarize times.

    Args:
        seconds: Times of single runs, or of rounds of runs.

    Returns:
        In milliseconds: median with its 95 % bootstrap interval, median absolute deviation, quartiles,
        and the percentiles above, null where there are too few runs; and the number of runs.
    """
    rounds = _rounds(seconds)
    runs = np.array(list(chain.from_iterable(rounds)))
    p25, p50, p75 = np.percentile(runs, (25, 50, 75))
    low, high = np.percentile(_resampled_medians(rounds), (2.5, 97.5))
    return {
        "runs": len(runs),
        "p50": _ms(p50),
        "p50_95": [_ms(low), _ms(high)],
        "mad": _ms(np.median(np.abs(runs - p50))),
        "p25": _ms(p25),
        "p75": _ms(p75),
        **{
            f"p{percentile}": _ms(np.percentile(runs, percentile)) if len(runs) >= needed_samples(percentile) else None
            for percentile in TAIL_PERCENTILES
        },
    }


def median(seconds: Sequence[float] | Rounds) -> float:
    """Return the median of all runs, in seconds."""
    return float(np.median(list(chain.from_iterable(_rounds(seconds)))))


def ratio_of_medians(above: Sequence[float] | Rounds, below: Sequence[float] | Rounds) -> dict[str, Any]:
    """Compare two contenders that took turns.

    Returns:
        The ratio of their medians with its 95 % bootstrap interval; rounds are drawn in pairs, so
        what slowed both down does not count.
    """
    ratios = _resampled_medians(_rounds(above)) / _resampled_medians(_rounds(below))
    low, high = np.percentile(ratios, (2.5, 97.5))
    return {
        "ratio": round(median(above) / median(below), 4),
        "ratio_95": [round(float(low), 4), round(float(high), 4)],
    }


def _rounds(seconds: Sequence[float] | Rounds) -> Rounds:
    return [[run] if isinstance(run, int | float) else run for run in seconds]


def _resampled_medians(rounds: Rounds) -> npt.NDArray[np.float64]:
    """Return medians of rounds drawn anew; of as many rounds always the same ones, in the same order."""
    grid = np.array(rounds)  # rounds of one length, as all measurements here have
    drawn = np.random.default_rng(0).integers(0, len(grid), (_RESAMPLES, len(grid)))
    medians: npt.NDArray[np.float64] = np.median(grid[drawn].reshape(_RESAMPLES, -1), axis=1)
    return medians


def _ms(seconds: float) -> float:
    return round(float(seconds) * 1e3, 3)
