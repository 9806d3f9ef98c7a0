"""Training through the base, epoch by epoch: a resumed run ends where an uninterrupted one does."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.train.conftest import write_photos
from train.data.dataset import Dataset
from train.data.run_data import RunData, read_run_data
from train.fitting.onthefly import _drawn, _validation_sets, _views, fit_on_the_fly
from train.networks.network import build_network
from train.recipes import Augmentation, OnTheFly, Recipe
from train.runs.folder import RunFolder
from train.views.features import load_batch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, published_recipe: Recipe) -> RunData:
    folder = write_photos(tmp_path_factory.mktemp("photos"), count=6)
    return read_run_data(replace(published_recipe, ratios=(80, 20, 0)), Dataset(folder))


def new_network(recipe: Recipe, weights: str) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed)
    return build_network(recipe, num_classes=3, weights=weights)


@pytest.fixture(scope="module")
def uninterrupted(
    published_recipe: Recipe, random_weights: str, data: RunData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[keras.Model, dict, Path]:
    network = new_network(published_recipe, random_weights)
    run = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    history = fit_on_the_fly(network, published_recipe, published_recipe.schedule, data, run)
    return network, history, run.path


def assert_same_weights(network: keras.Model, other: keras.Model) -> None:
    for mine, theirs in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-7)


@pytest.mark.slow
def test_history_has_an_entry_an_epoch(uninterrupted: tuple[keras.Model, dict, Path]):
    _, history, folder = uninterrupted
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 2
    )
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-2.weights.h5", "history.json"]


def test_only_the_head_is_trained(
    uninterrupted: tuple[keras.Model, dict, Path], published_recipe: Recipe, random_weights: str
):
    untrained = new_network(published_recipe, random_weights)
    base, untrained_base = (network.get_layer("vgg16") for network in (uninterrupted[0], untrained))
    for mine, theirs in zip(base.get_weights(), untrained_base.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
    kernel, before = (network.get_layer("hidden_1").get_weights()[0] for network in (uninterrupted[0], untrained))
    assert np.abs(kernel - before).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("finished", [1, 2], ids=["after the first epoch", "after the last epoch"])
def test_a_resumed_training_ends_like_an_uninterrupted_one(
    uninterrupted: tuple[keras.Model, dict, Path],
    published_recipe: Recipe,
    random_weights: str,
    data: RunData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finished: int,
):
    """Guards the optimizer's moments and dropout's random state, too."""
    run = RunFolder(tmp_path / "run")
    schedule = published_recipe.schedule

    def stop(count, schedule, seed, epoch):
        if epoch == finished:
            raise KeyboardInterrupt
        return _drawn(count, schedule, seed, epoch)

    with monkeypatch.context() as interrupted:
        interrupted.setattr("train.fitting.onthefly._drawn", stop)
        try:
            fit_on_the_fly(new_network(published_recipe, random_weights), published_recipe, schedule, data, run)
        except KeyboardInterrupt:
            assert finished == 1
    assert sorted(path.name for path in run.path.iterdir()) == [f"checkpoint-{finished}.weights.h5", "history.json"]

    network = new_network(published_recipe, random_weights)
    history = fit_on_the_fly(network, published_recipe, schedule, data, run)
    whole, whole_history, _ = uninterrupted
    assert_same_weights(network, whole)
    assert {name: pytest.approx(values, abs=1e-6) for name, values in history.items()} == whole_history


def test_dropout_differs_between_epochs(published_recipe: Recipe, random_weights: str):
    from train.fitting.onthefly import _seed_dropout

    network = new_network(published_recipe, random_weights)
    states = []
    for epoch in (0, 1, 0):
        _seed_dropout(network, 1, epoch)
        states.append([network.get_layer(f"dropout_{i}").seed_generator.state.numpy().tolist() for i in (1, 2)])
    assert states[0] == states[2] != states[1]
    assert states[0][0] != states[0][1]


def test_every_epoch_sees_new_views_and_none_the_photo_itself(data: RunData, published_recipe: Recipe):
    photos = data.part_photos("train")
    recipe = replace(published_recipe, augmentation=Augmentation(rotation_deg=40))
    images = load_batch(photos, recipe)
    first, second, again = (
        _views(images, photos, recipe, [(number, i) for i in range(len(photos))]) for number in (0, 1, 0)
    )
    assert np.array_equal(first, again)
    assert not any(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, images, strict=True))


def test_checkpoints_are_dropped_and_nothing_else(tmp_path: Path, published_recipe: Recipe):
    run = RunFolder(tmp_path / "run")
    run.start(published_recipe, Dataset(tmp_path), "imagenet")
    for name in ("checkpoint-7.weights.h5", "network.weights.h5"):
        (run.path / name).touch()
    run.checkpoints.drop()
    assert sorted(path.name for path in run.path.iterdir()) == ["data.json", "network.weights.h5", "recipe.json"]


def test_an_epoch_without_steps_is_a_pass_over_the_photos():
    schedule = OnTheFly("adam", None, batch_size=3, epochs=2)
    for epoch in (0, 1):
        drawn = _drawn(10, schedule, seed=1, epoch=epoch)
        assert {number for number, _ in drawn} == {epoch}
        assert sorted(i for _, i in drawn) == list(range(10))
    assert _drawn(10, schedule, 1, 0) != [(0, i) for _, i in _drawn(10, schedule, 1, 1)]


def test_with_steps_the_passes_follow_each_other_across_epochs():
    schedule = OnTheFly("adam", None, batch_size=4, epochs=5, steps=3)  # 12 of 10 photos
    drawn = [pair for epoch in range(5) for pair in _drawn(10, schedule, seed=1, epoch=epoch)]
    assert [number for number, _ in drawn] == [k // 10 for k in range(60)]
    for number in range(6):
        assert sorted(i for n, i in drawn if n == number) == list(range(10))


def test_validation_is_measured_both_ways_where_the_published_one_was_not_scaled(
    data: RunData, published_recipe: Recipe
):
    schedule = replace(published_recipe.schedule, unscaled_validation=True, validation_steps=2)
    images, targets = (
        load_batch(data.part_photos("validation"), published_recipe),
        data.targets[data.part("validation")],
    )
    sets = _validation_sets(lambda pixels: pixels, published_recipe, schedule, data)
    assert list(sets) == ["val_", "rescaled_val_"]
    for prefix, factor in (("val_", 255), ("rescaled_val_", 1)):
        pixels, expected = sets[prefix]
        assert len(pixels) == len(expected) == 2 * schedule.batch_size  # beginning anew where they end
        for k in range(len(images)):
            (original,) = (i for i, image in enumerate(images) if np.array_equal(image * float(factor), pixels[k]))
            assert targets[original] == expected[k]
            assert np.array_equal(pixels[k], pixels[k + len(images)])


@pytest.mark.slow
def test_a_published_mistake_is_kept_in_the_history_beside_the_right_figures(
    published_recipe: Recipe, random_weights: str, data: RunData, tmp_path: Path
):
    schedule = replace(published_recipe.schedule, epochs=1, steps=2, unscaled_validation=True)
    run = RunFolder(tmp_path / "run")
    history = fit_on_the_fly(new_network(published_recipe, random_weights), published_recipe, schedule, data, run)
    assert set(history) == {
        f"{prefix}{name}" for prefix in ("", "val_", "rescaled_val_") for name in ("loss", "accuracy")
    }
    assert history["val_loss"] != history["rescaled_val_loss"]
