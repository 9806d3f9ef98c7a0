"""What a network's answers are compared by."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.quality.model_quality import Answers, NetworkVariant, quality_row, size_of
from train.fitting.crossval import CrossValidation
from train.fitting.head import LinearHead
from train.recipes import RECIPES
from train.slim.distillation import Readout


def test_a_head_goes_behind_the_readout():
    head = LinearHead(np.array([[1.0, -1.0], [2.0, 0.0]], np.float32), np.array([0.5, 0.0], np.float32))
    readout = Readout(np.array([[3.0, 1.0]]), np.array([0.0, 10.0]))
    slim = NetworkVariant("slim", lambda pixels: pixels, readout, 1.0, None)
    assert slim.head(head, np.ones((2, 1))).kernel.tolist() == [[5.0, -3.0]]
    assert slim.head(head, np.ones((2, 1))).bias.tolist() == [20.5, 0.0]


def test_a_slim_network_has_a_familiarity_of_its_own():
    kernel = np.array([[1.0, -1.0, 9.0], [2.0, 0.0, 9.0]], np.float32)
    head = LinearHead(kernel, np.array([0.5, 0.0, 9.0], np.float32), familiarity=True)
    features = np.array([[1.0], [3.0]])  # of the photos that the head was fitted on: mean 2, deviation 1
    readout = Readout(np.array([[3.0, 1.0]]), np.array([0.0, 10.0]))
    slim = NetworkVariant("slim", lambda pixels: pixels, readout, 1.0, None).head(head, features)
    assert slim.kernel == pytest.approx(np.array([[5.0, -3.0, 1.0]]))
    assert slim.bias == pytest.approx(np.array([20.5, 0.0, 4.0 - 2.0]))


def test_a_row_compares_held_out_answers_with_the_full_networks():
    data = SimpleNamespace(targets=np.array([0, 1]), labels=("a", "b"), part=lambda part: np.array([1]))
    sure, doubtful = np.array([[4.0, 0.0], [0.0, 4.0]]), np.array([[0.1, 0.0]])
    full = Answers(CrossValidation(sure[np.newaxis], np.array([1.0, 1.0])), sure[1:], sure[:1], doubtful)
    wrong = np.array([[4.0, 0.0], [4.0, 0.0]])
    slim = Answers(CrossValidation(wrong[np.newaxis], np.array([1.0, 0.0])), sure[1:], sure[1:], doubtful)
    row = quality_row(NetworkVariant("slim", lambda pixels: pixels, None, 1.0, 7), slim, full, data, min_score=0.9)
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
