"""The published networks as their projects saved them: they answer as the run does, and each file is read."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np
import pytest

import tests.train.conftest  # noqa: F401  # TensorFlow, quiet and deterministic
from benchmarks.imports.course_models import course_model
from benchmarks.imports.published import compare_files
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
