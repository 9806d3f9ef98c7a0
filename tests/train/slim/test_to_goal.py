"""`python -m train slim`: which speed-up is taken, which pictures are learned from, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import drawn
from tests.train.conftest import COLOURS, write_photos
from train.data.dataset import RunData, read_run_data
from train.errors import DataError, GoalError
from train.files import write_json
from train.recipes import RECIPES
from train.slim import to_goal
from train.slim.pipeline import Goal


def pretend_slimming(accuracies: dict[float, float], tried: list[float]):
    def steps(goal: Goal, out: Path) -> dict:
        tried.append(goal.speedup)
        metrics = {"kfold": {"mean_accuracy": accuracies[goal.speedup]}, "slim": {"speedup": goal.speedup}}
        write_json(out / "metrics.json", metrics)
        (out / "network.weights.h5").write_text(f"weights of {goal.speedup:g}")
        return metrics

    return steps


def test_the_highest_speedup_within_the_allowed_loss_is_kept(tmp_path: Path):
    tried: list[float] = []
    steps = pretend_slimming({24: 0.90, 16: 0.969, 12: 0.97, 8: 0.98}, tried)
    before = {"kfold": {"mean_accuracy": 0.98}}
    metrics = to_goal._slim_within(0.01, before, steps, tmp_path)  # a loss of exactly 0.01 is allowed
    assert metrics["slim"]["speedup"] == 12
    assert tried == [24, 16, 12]
    assert (tmp_path / "network.weights.h5").read_text() == "weights of 12"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "network.weights.h5"]


def test_no_speedup_within_the_allowed_loss_is_one_line(tmp_path: Path):
    steps = pretend_slimming(dict.fromkeys(to_goal.SPEEDUPS, 0.5), [])
    with pytest.raises(GoalError, match=r"even half .* lose more than 1\.0%: give a new --out and a larger --max-drop"):
        to_goal._slim_within(0.01, {"kfold": {"mean_accuracy": 0.98}}, steps, tmp_path)


def test_without_a_kfold_of_both_the_validation_photos_count():
    full = {"kfold": {"mean_accuracy": 0.9}, "validation": {"accuracy": 0.8}}
    assert to_goal.compared(full, {"kfold": None, "validation": {"accuracy": 0.7}}) == (0.8, 0.7)
    assert to_goal.compared(full, full) == (0.9, 0.9)


@pytest.fixture
def data(tmp_path: Path) -> RunData:
    return read_run_data(RECIPES["custom"], write_photos(tmp_path / "photos", count=8), None, tmp_path / "split.json")


def test_pictures_that_are_measured_on_are_not_learned_from(data: RunData, tmp_path: Path):
    folder = tmp_path / "more"
    folder.mkdir()
    new = drawn((130, 50, 170), seed=99)
    new.save(folder / "new.png")
    new.save(folder / "copy_of_new.png")
    test_photo = data.part_photos("test")[0]
    Image.open(test_photo.path).transpose(Image.Transpose.ROTATE_90).save(folder / "turned_test_photo.png")
    (folder / "training_photo.png").write_bytes(data.part_photos("train")[0].path.read_bytes())
    found = to_goal.find_unlabelled([str(folder)], data)
    assert [photo.path.name for photo in found] == ["new.png"]


def test_a_path_without_pictures_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.jpg does not exist"):
        to_goal.find_pictures([str(tmp_path / "none.jpg")])
    with pytest.raises(DataError, match="cannot come from standard input"):
        to_goal.find_pictures(["-"])


def test_colours_differ_enough_to_be_no_duplicates(data: RunData):
    assert len(np.unique(data.groups)) >= len(COLOURS)
