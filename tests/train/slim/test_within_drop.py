"""Slimming as far as accuracy allows: which speed-up is taken, and by what it is judged."""

from pathlib import Path

import pytest

from train.errors import GoalError
from train.files import write_json
from train.runs.slim_folder import SlimFolder
from train.slim.goal import Goal
from train.slim.within_drop import SPEEDUPS, compared, slim_within


def pretend_slimming(accuracies: dict[float, float], tried: list[float]):
    def slim_to(goal: Goal, out: SlimFolder) -> dict:
        tried.append(goal.speedup)
        metrics = {"kfold": {"mean_accuracy": accuracies[goal.speedup]}, "slim": {"speedup": goal.speedup}}
        write_json(out.path / "metrics.json", metrics)
        (out.path / "network.weights.h5").write_text(f"weights of {goal.speedup:g}")
        return metrics

    return slim_to


def test_the_highest_speedup_within_the_allowed_loss_is_kept(tmp_path: Path):
    tried: list[float] = []
    slim_to = pretend_slimming({24: 0.90, 16: 0.969, 12: 0.97, 8: 0.98}, tried)
    before = {"kfold": {"mean_accuracy": 0.98}}
    metrics = slim_within(0.01, before, slim_to, SlimFolder(tmp_path))  # a loss of exactly 0.01 is allowed
    assert metrics["slim"]["speedup"] == 12
    assert tried == [24, 16, 12]
    assert (tmp_path / "network.weights.h5").read_text() == "weights of 12"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "network.weights.h5"]


def test_no_speedup_within_the_allowed_loss_is_one_line(tmp_path: Path):
    slim_to = pretend_slimming(dict.fromkeys(SPEEDUPS, 0.5), [])
    with pytest.raises(GoalError, match=r"even half .* lose more than 1\.0%: give a new --out and a larger --max-drop"):
        slim_within(0.01, {"kfold": {"mean_accuracy": 0.98}}, slim_to, SlimFolder(tmp_path))


def test_speedups_that_a_network_cannot_reach_are_not_tried(tmp_path: Path):
    tried: list[float] = []
    slim_to = pretend_slimming({4: 0.9, 3: 0.98}, tried)
    metrics = slim_within(0.01, {"kfold": {"mean_accuracy": 0.98}}, slim_to, SlimFolder(tmp_path), highest=5.3)
    assert (metrics["slim"]["speedup"], tried) == (3, [4, 3])
    with pytest.raises(GoalError, match=r"^this network can be made 1\.90 times as small at most: export it as it is$"):
        slim_within(0.01, {}, slim_to, SlimFolder(tmp_path), highest=1.9)


def test_without_a_kfold_of_both_the_validation_photos_count():
    full = {"kfold": {"mean_accuracy": 0.9}, "validation": {"accuracy": 0.8}}
    assert compared(full, {"kfold": None, "validation": {"accuracy": 0.7}}) == (0.8, 0.7)
    assert compared(full, full) == (0.9, 0.9)
