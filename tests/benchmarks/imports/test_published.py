"""The published networks as their projects saved them: they answer as the run does, and each file is read."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import tests.train.conftest  # noqa: F401  # TensorFlow, quiet and deterministic
from benchmarks.imports import published
from benchmarks.imports.course_models import course_model
from benchmarks.imports.published import compare_files
from train.files import read_json, write_json
from train.metrics import softmax
from train.runs.finished import load_run

pytestmark = pytest.mark.slow


def test_the_project_s_model_answers_as_the_run(dense_run: Path) -> None:
    run = load_run(dense_run)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    model = course_model(keras, run)
    expected = softmax(run.network.predict(pixels, verbose=0))

    assert [type(layer).__name__ for layer in model.layers] == [
        *("Functional", "Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"),
    ]
    assert np.abs(model.predict(pixels / 255, verbose=0) - expected).max() < 1e-5


def test_a_run_of_another_recipe_is_refused(pooled_run: Path) -> None:
    with pytest.raises(ValueError, match="is not a run of a published recipe"):
        course_model(keras, load_run(pooled_run))


def test_each_saved_file_is_read_and_compared(dense_run: Path, tmp_path: Path) -> None:
    found = compare_files(dense_run, tmp_path)

    assert list(found) == ["Keras 2, .h5", "Keras 2, .keras", "Keras 3, .h5", "Keras 3, .keras"]
    for file in found.values():
        assert file["largest_difference"] < 1e-5
        assert file["same_top1"] == file["pictures"] > 0
        assert file["bytes"] > 4 * 14_714_688  # VGG16 without top, in floats


def test_what_is_kept_keeps_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compare_files", "whole_way", "time_files"):
        monkeypatch.setattr(published, name, lambda path, work, speedup=None: {"of": path.name})
    out, kept = tmp_path / "out.json", {"command": "python here", "machine": {"cpu": "another"}, "figures": {"x": 1}}
    write_json(out, {"networks": {"gems": {"files": kept}}})
    done = CliRunner().invoke(published.main, ["runs/gems", "--work", str(tmp_path), "--json", str(out)])
    assert done.exception is None
    steps = read_json(out)["networks"]["gems"]
    assert list(steps) == ["files", "int8", "slim", "timed"]
    assert steps["files"] == kept
    assert steps["slim"]["figures"] == {"of": "gems"}
    assert steps["slim"]["machine"]["cores"] >= 1
