"""What a network's answers are compared by."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.quality.model_quality import Answers, NetworkVariant, quality_row, size_of
from train.fitting.crossval import CrossValidation
from train.recipes import RECIPES


def test_a_row_compares_held_out_answers_with_the_full_networks():
    nowhere = SimpleNamespace(photos=())
    data = SimpleNamespace(
        targets=np.array([0, 1]), labels=("a", "b"), part=lambda part: np.array([1]), elsewhere=nowhere
    )
    sure, doubtful = np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([[0.1, 0.0]])
    full = Answers(CrossValidation(sure[np.newaxis], np.array([1.0, 1.0])), sure[1:], sure[:1], doubtful)
    wrong = np.array([[4.0, 0.0], [4.0, 0.0]])
    slim = Answers(CrossValidation(wrong[np.newaxis], np.array([1.0, 0.0])), sure[1:], sure[1:], doubtful)
    row = quality_row(NetworkVariant("slim", lambda pixels: pixels, 1.0, 7), slim, full, data, min_score=0.9)
    assert row["bytes"] == 7
    assert (row["test"]["right"], row["test"]["photos"]) == (1, 1)
    assert row["kfold"]["mean_accuracy"] == 0.5
    assert (row["right_and_certain"]["count"], row["right_and_certain"]["of"]) == (1, 1)
    assert row["ece_held_out"] == pytest.approx(1 / (1 + np.exp(-4)) - 0.5, abs=1e-4)
    assert (row["agreement_held_out"]["count"], row["agreement_held_out"]["of"]) == (1, 2)
    assert row["other"]["agreement"]["count"] == 0
    assert row["other"]["uncertain"]["count"] == 0
    assert row["off_task"]["uncertain"]["count"] == 1
    assert row["off_task"]["auroc"] == 1.0


def test_the_size_is_counted_for_the_widths_of_the_network():
    network = SimpleNamespace(count_params=lambda: 7)
    full = SimpleNamespace(recipe=RECIPES["gems"], network=network)
    slim = SimpleNamespace(recipe=replace(RECIPES["gems"], widths=(16, 16)), network=network)
    assert size_of(full) == {"macs": 15_346_630_656, "parameters": 7}
    assert size_of(slim)["macs"] == 224 * 224 * 9 * (3 * 16 + 16 * 16)
