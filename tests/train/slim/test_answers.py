"""What a frozen network's heads answer to the pictures that a slim network learns from."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from train.data.dataset import Elsewhere
from train.data.photos import Photo
from train.recipes import RECIPES
from train.slim.answers import answers
from train.slim.distillation import Distillation
from train.slim.teaching import Teaching

OWN, STRANGE, WIDTH = 20, 6, 8
TARGETS = np.arange(OWN) % 2
BY = np.concatenate([np.arange(OWN) // 4, np.arange(STRANGE) % 5])  # each fold has both classes
RECIPE = replace(RECIPES["gender"], head=replace(RECIPES["gender"].pooled_head, taps=("tap",)))


@pytest.fixture
def teaching() -> Teaching:
    rng = np.random.default_rng(0)
    photos = [Photo(Path(f"{n}.jpg"), "", f"{n:x}") for n in range(OWN + STRANGE)]
    features = np.abs(rng.normal(size=(3, OWN + STRANGE, WIDTH))).astype(np.float32)
    features[:, :OWN][:, TARGETS == 1, 0] += 12
    return Teaching(photos, {"tap": features}, Distillation(views=3, epochs=1), RECIPE)


def run_data(teaching: Teaching, targets: np.ndarray) -> SimpleNamespace:
    nothing = Elsewhere((), np.empty(0, np.int64), np.empty(0, np.int64))
    return SimpleNamespace(photos=teaching.photos[:OWN], targets=targets, labels=("a", "b"), elsewhere=nothing)


def answered(teaching: Teaching, targets: np.ndarray) -> np.ndarray | None:
    original = SimpleNamespace(recipe=RECIPE, metrics={"fine_tune": None})
    return answers(original, run_data(teaching, targets), teaching, BY, Path())  # type: ignore[arg-type]


def test_heads_of_the_folds_tell_the_classes_and_none_answers_for_what_it_saw(teaching: Teaching):
    found = answered(teaching, TARGETS)
    assert found.shape == (3, OWN + STRANGE, 2)
    assert (found[:, :OWN].argmax(axis=-1) == TARGETS).all()

    changed = np.where(BY[:OWN] == 2, 1 - TARGETS, TARGETS)  # a fold's labels
    other = answered(teaching, changed)
    is_same = [np.array_equal(found[:, place], other[:, place]) for place in range(OWN + STRANGE)]
    assert is_same == (BY == 2).tolist()


def test_where_a_fold_holds_a_whole_class_nothing_is_answered(teaching: Teaching):
    assert answered(teaching, np.where(BY[:OWN] == 2, 1, 0)) is None


def test_a_head_that_reads_the_maps_answers_nothing(teaching: Teaching):
    original = SimpleNamespace(recipe=RECIPES["gems-improved"], metrics={"fine_tune": None})
    assert answers(original, run_data(teaching, TARGETS), teaching, BY, Path()) is None  # type: ignore[arg-type]
