"""How far the views go from which a slim network learns, and that an interruption changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.small_runs import SIDE_PX
from train.errors import DistillationError
from train.files import read_json, write_json
from train.networks.vgg16 import build_base
from train.recipes import RECIPES, Recipe
from train.runs.slim_folder import SlimFolder
from train.slim import distillation
from train.slim.distillation import Distillation, Wanted, distil, view_recipe

VIEWS = 48
ROUNDS = 6  # of 32 views: four passes
SETTINGS = Distillation(views=2, epochs=4, learning_rate=1e-4)


def test_views_are_those_of_training_unless_asked_for():
    assert view_recipe(RECIPES["gems"], Distillation(views=2, epochs=1)) is RECIPES["gems"]


def test_wide_views_go_as_far_as_training_at_least():
    wide = view_recipe(RECIPES["gender"], Distillation(views=2, epochs=1, wide_views=True))
    own = RECIPES["gender"].augmentation
    changed = {"shift": 0.15, "zoom": 0.3, "brightness": 0.3, "tint": 0.2, "saturation": 0.5}
    assert wide == replace(RECIPES["gender"], augmentation=replace(own, **changed))


def test_all_answers_together_weigh_as_much_as_all_features():
    rng = np.random.default_rng(0)
    features, answers = rng.normal(3, 2, (500, 40)), rng.normal(-1, 5, (500, 10))
    alone, both = Wanted(features).standardized(), Wanted(features, answers).standardized()
    assert (alone.shape, both.shape) == ((500, 40), (500, 50))
    assert np.array_equal(both[:, :40], alone)
    assert np.allclose(both.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(both[:, 40:].std(axis=0), np.sqrt(40 / 10), atol=1e-4)
    assert np.isclose((both[:, 40:] ** 2).sum(), (alone**2).sum(), rtol=1e-4)


class Pupil:
    """A pruned network of random weights, and the views that it learns from."""

    def __init__(self, recipe: Recipe) -> None:
        keras.utils.set_random_seed(0)
        self.settings = SETTINGS
        self.recipe = replace(recipe, widths=(16,) * 13, fine_tune=None)
        self.weights = build_base(self.recipe, None).get_weights()
        rng = np.random.default_rng(0)
        self.views = rng.integers(0, 256, (VIEWS, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        self.wanted = rng.normal(size=(VIEWS, 8)).astype(np.float32)

    def learn(self, folder: Path, before: Callable[[], None] = lambda: None) -> list[np.ndarray]:
        """Distil as a new process would, and return the base's weights."""

        def load(chosen: np.ndarray) -> np.ndarray:
            before()
            return self.views[chosen]

        base = build_base(self.recipe, None)
        base.set_weights(self.weights)
        distil(base, self.recipe, load, Wanted(self.wanted), self.settings, SlimFolder(folder).distillation)
        return base.get_weights()


@pytest.fixture(scope="module")
def small_rounds():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distillation, "VIEWS_A_ROUND", 32)
        yield


@pytest.fixture(scope="module")
def pupil(small_rounds: None, cached_recipe: Recipe) -> Pupil:
    return Pupil(cached_recipe)


@pytest.fixture(scope="module")
def undisturbed(pupil: Pupil, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], list[float]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return pupil.learn(folder), read_json(folder / "distillation.json")["loss"]


def test_every_layer_learns_and_every_round_is_noted(pupil: Pupil, undisturbed):
    weights, losses = undisturbed
    assert len(set(losses)) == ROUNDS
    assert not any(np.array_equal(*pair) for pair in zip(weights, pupil.weights, strict=True))


def stop_in_round(number: int) -> Callable[[], None]:
    """Return what is called before views are loaded: for the readout's start, then for each round."""
    calls = iter(range(100))

    def before() -> None:
        if next(calls) == 1 + number:
            raise KeyboardInterrupt

    return before


@pytest.mark.parametrize("when", ["in the round", "before its loss is noted", "before the last state is removed"])
def test_an_interrupted_distillation_ends_as_an_undisturbed_one(
    pupil: Pupil, undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
):
    def write_and_stop(path: Path, content: dict) -> None:
        if when == "before its loss is noted" and len(content["loss"]) == 4:
            raise KeyboardInterrupt
        write_json(path, content)
        if when == "before the last state is removed" and len(content["loss"]) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("train.runs.checkpoints.write_json", write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        pupil.learn(tmp_path, stop_in_round(3) if when == "in the round" else lambda: None)
    monkeypatch.undo()
    assert read_json(tmp_path / "distillation.json")["loss"] == undisturbed[1][:3]

    loads = []
    weights = pupil.learn(tmp_path, lambda: loads.append(1))
    assert len(loads) == 1 + ROUNDS - 3  # no round is learned twice
    assert read_json(tmp_path / "distillation.json")["loss"] == undisturbed[1]
    assert all(np.array_equal(*pair) for pair in zip(weights, undisturbed[0], strict=True))
    SlimFolder(tmp_path).distillation.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["distillation.json"]


@pytest.mark.parametrize(("mixed", "hint"), [(False, "speed-up$"), (True, "speed-up, or without --mixed-precision$")])
def test_a_loss_that_is_not_finite_ends_it_in_one_line(
    pupil: Pupil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixed: bool, hint: str
):
    monkeypatch.setattr(pupil, "settings", replace(SETTINGS, learning_rate=1e30))
    monkeypatch.setattr(pupil, "recipe", replace(pupil.recipe, mixed_precision=mixed))
    with pytest.raises(DistillationError, match=f"not finite; .* a lower {hint}"):
        pupil.learn(tmp_path)
    assert not list(tmp_path.iterdir())
