"""The slimmest network that loses no more accuracy than allowed."""

import math
from collections.abc import Callable
from typing import Any

from train.errors import GoalError
from train.progress import say
from train.runs.slim_folder import SlimFolder
from train.slim.goal import Goal

ROUNDING = 1e-9
SPEEDUPS = (24.0, 16.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0)


def slim_within(
    max_drop: float,
    before: dict[str, Any],
    slim_to: Callable[[Goal, SlimFolder], dict[str, Any]],
    out: SlimFolder,
    highest: float = math.inf,
) -> dict[str, Any]:
    """Try speed-ups, the highest first, and keep the first that loses no more accuracy than allowed.

    Args:
        max_drop: How much accuracy, 0–1, may be lost.
        before: The original's metrics.
        slim_to: Slims to a goal, fills a run folder and returns its metrics.
        out: The run folder to fill.
        highest: The highest speed-up that there are widths for.

    Returns:
        The metrics of the speed-up that was kept.

    Raises:
        GoalError: None is within the allowed loss.
    """
    for speedup in speedups_up_to(highest):
        candidate = out.candidate(speedup)
        metrics = slim_to(Goal(speedup=speedup), candidate)
        full, slimmed = compared(before, metrics)
        say(f"{metrics['slim']['speedup']:.1f} times less to compute: {slimmed:.2%} right, before {full:.2%}")
        if full - slimmed <= max_drop + ROUNDING:
            out.adopt(candidate)
            return metrics
    raise GoalError(
        f"even half of the multiply-accumulates lose more than {max_drop:.1%}: give a new --out and a larger --max-drop"
    )


def speedups_up_to(highest: float) -> list[float]:
    """Return the speed-ups that are tried with a network that can be made so much slimmer at most.

    Raises:
        GoalError: There is none.
    """
    if found := [speedup for speedup in SPEEDUPS if speedup <= highest]:
        return found
    raise GoalError(f"this network can be made {highest:.2f} times as small at most: export it as it is")


def compared(full: dict[str, Any], slim: dict[str, Any]) -> tuple[float, float]:
    """Return the accuracies by which a slim network is judged: in k-fold, or without one on the validation photos."""
    if full["kfold"] and slim["kfold"]:
        return full["kfold"]["mean_accuracy"], slim["kfold"]["mean_accuracy"]
    return full["validation"]["accuracy"], slim["validation"]["accuracy"]
