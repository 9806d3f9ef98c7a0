import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.speed import soak as soak_module
from benchmarks.speed.soak import main, soak
from edge_infer import Classifier
from train.files import read_json

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_answers_and_refused_files_are_counted_apart(tiny_model_path: Path) -> None:
    found = soak(tiny_model_path, 40)
    assert (found["inferences"], found["failures"]) == (40, 4)
    assert abs(found["grown_mb"]) < 50
    assert (found["grown_descriptors"], found["grown_threads"]) == (0, 0)


def test_a_damaged_file_that_is_answered_is_no_failure(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "classify", lambda self, source: None)
    assert soak(tiny_model_path, 40)["failures"] == 0


def test_the_result_says_by_which_command_and_where(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_module, "RESULT", tmp_path / "soak.json")
    done = CliRunner().invoke(main, ["--model", str(tiny_model_path), "--inferences", "100"])
    assert done.exception is None
    kept = read_json(tmp_path / "soak.json")
    assert (kept["inferences"], kept["failures"]) == (100, 10)
    assert kept["command"].startswith("python ")
    assert kept["machine"]["cores"] >= 1
