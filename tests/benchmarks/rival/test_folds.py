from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.rival.folds import Choice, FoldHeads, choose, fold_heads, rights, training_on
from train.data.dataset import Elsewhere
from train.fitting.crossval import FOLDS
from train.fitting.head import LinearHead
from train.fitting.pooled import CachedTraining
from train.recipes import RECIPES

OWN, MORE, CLASSES, WIDTH = 30, 40, 2, 4
RNG = np.random.default_rng(0)
TARGETS = np.arange(OWN + MORE) % CLASSES
SOURCES = np.arange(MORE) // 4
GEMS = RECIPES["gems"]
RECIPE = replace(GEMS, head=replace(GEMS.pooled_head, known=None))


def telling(noise: float) -> np.ndarray:
    """Return features `[2, N + M, 4]` in which the class can be seen through some noise."""
    seen = np.eye(WIDTH)[TARGETS] * 2 + 1
    return np.abs(seen + noise * RNG.normal(size=(2, *seen.shape))).astype(np.float32)


@pytest.fixture
def training() -> CachedTraining:
    data = SimpleNamespace(
        targets=TARGETS[:OWN],
        groups=np.arange(OWN),
        labels=("a", "b"),
        elsewhere=Elsewhere((), TARGETS[OWN:], SOURCES),
    )
    return CachedTraining(RECIPE, data, None, {}, telling(0.1), TARGETS)  # type: ignore[arg-type]


def test_no_head_answers_what_it_or_its_source_has_seen(training: CachedTraining) -> None:
    heads = fold_heads(training, repeats=2)
    assert len(heads.heads) == 2 * FOLDS
    for repeat in range(2):
        rest = heads.held_out[repeat * FOLDS : (repeat + 1) * FOLDS]
        assert sorted(np.concatenate(rest).tolist()) == list(range(OWN + MORE))
        fold = np.empty(OWN + MORE, int)
        for number, held_out in enumerate(rest):
            fold[held_out] = number
        assert all(len(set(fold[OWN:][source == SOURCES])) == 1 for source in np.unique(SOURCES))


def test_the_head_of_a_fold_answers_for_any_features() -> None:
    kernels = [np.full((1, 2), float(number), np.float32) for number in range(FOLDS)]
    heads = tuple(LinearHead(kernel, np.array([0, 1], np.float32)) for kernel in kernels)
    answers = FoldHeads(heads, tuple(np.array([number]) for number in range(FOLDS)))
    features = np.full((FOLDS, 1), 10.0, np.float32)
    np.testing.assert_array_equal(answers.logits(features), [[[0, 1], [10, 11], [20, 21], [30, 31], [40, 41]]])


def test_what_is_best_elsewhere_is_chosen(training: CachedTraining) -> None:
    features = {"average": telling(30.0), "energy": telling(0.1)}
    choice, tried = choose(features, training)
    assert choice.pooling == "energy"
    assert len(tried) == 6 + 3  # every pooling and norm, then the other penalties
    reached = {(of["pooling"], of["norm"], of["inverse_l2"]): of["elsewhere"] for of in tried}
    assert reached[choice.pooling, choice.norm, choice.inverse_l2] == max(reached.values()) == 1.0
    assert reached["average", "root", 0.03] < 0.8


def test_the_rivals_training_has_its_own_penalty_and_features(training: CachedTraining) -> None:
    features = {"average": np.array([[[3.0, 4.0]]]), "energy": np.array([[[9.0, 16.0]]])}
    unit = training_on(features, Choice("average", "unit", 0.1), training)
    np.testing.assert_allclose(unit.views, [[[0.6, 0.8]]])
    assert unit.recipe.pooled_head.inverse_l2 == 0.1
    root = training_on(features, Choice("energy", "root", 0.01), training)
    np.testing.assert_allclose(root.views, [[[0.6, 0.8]]])


def test_right_answers_are_told_apart_by_where_photos_are_from(training: CachedTraining) -> None:
    logits = np.eye(CLASSES)[TARGETS][np.newaxis]
    logits[0, 0] = logits[0, 0, ::-1]
    own, elsewhere = rights(logits, training.data)
    assert own[0].tolist() == [False] + [True] * (OWN - 1)
    assert elsewhere[0].tolist() == [True] * MORE
