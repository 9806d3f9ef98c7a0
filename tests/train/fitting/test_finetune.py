"""Fine-tuning starts from the frozen features, changes the last blocks only, and fits into the base."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.train.conftest import assert_close, write_photos
from train.data.photos import Photo, find_photos, labels_of
from train.fitting.finetune import LastBlocks, fine_tune, last_blocks_of
from train.fitting.head import LinearHead, fit_linear, head_features, set_head
from train.networks.network import build_network, forward
from train.networks.vgg16 import build_base, last_blocks
from train.recipes import FineTune, PooledHead, Recipe
from train.views.features import Features, extract, load_batch

GENTLE = FineTune(mode="always", learning_rate=1e-4, batch_size=8, epochs=2)
EARLIER = PooledHead(("block3_conv3", "block4_conv3"), 0.1, grid=2)
ENERGY = PooledHead(("block4_conv3", "block5_conv3"), 0.1, pooling="energy")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return find_photos(write_photos(tmp_path_factory.mktemp("photos"), count=4))


@pytest.fixture(scope="module")
def targets(photos: list[Photo]) -> np.ndarray:
    return np.array([labels_of(photos).index(photo.label) for photo in photos])


@pytest.fixture(scope="module")
def recipe(cached_recipe: Recipe) -> Recipe:
    return replace(cached_recipe, fine_tune=GENTLE)


@pytest.fixture(scope="module")
def base(recipe: Recipe, random_weights: str) -> keras.Model:
    return build_base(recipe, random_weights)


def _features(photos: list[Photo], recipe: Recipe, base: keras.Model, cache: Path) -> Features:
    head = recipe.pooled_head
    entrance, _ = last_blocks(head.taps[-1], recipe.fine_tune.blocks)
    return extract(photos, 2, recipe, base, head.taps, cache, grid=head.grid, pooling=head.pooling, entrance=entrance)


def _tuned(features: Features, targets: np.ndarray, head: LinearHead, base: keras.Model, recipe: Recipe) -> LastBlocks:
    blocks = last_blocks_of(base, recipe)
    fine_tune(blocks, features, targets, head, recipe)
    return blocks


def _head(features: Features, targets: np.ndarray, recipe: Recipe) -> LinearHead:
    return fit_linear(head_features(features, recipe.pooled_head.taps), targets, inverse_l2=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "blocks", "maps"),
    [(None, 1, (2, 2, 512)), (None, 2, (4, 4, 256)), (EARLIER, 1, (4, 4, 256)), (ENERGY, 1, (2, 2, 512))],
    ids=["one block", "two blocks", "an earlier end", "energy pooling"],
)
def test_blocks_that_have_learned_nothing_give_the_frozen_features(
    photos: list[Photo],
    recipe: Recipe,
    base: keras.Model,
    tmp_path: Path,
    head: PooledHead | None,
    blocks: int,
    maps: tuple[int, int, int],
):
    recipe = replace(recipe, head=head or recipe.head, fine_tune=replace(GENTLE, blocks=blocks))
    features = _features(photos, recipe, base, tmp_path)
    assert features["maps"].shape == (2, len(photos), *maps)  # what enters, of 32 pixels
    actual = last_blocks_of(base, recipe).features(features)
    assert actual.keys() == features.keys() - {"maps"}
    for name, values in actual.items():
        assert_close(values, features[name], share=2e-3)  # maps are float16


@pytest.mark.slow
@pytest.mark.parametrize(("head", "blocks"), [(None, 1), (None, 2), (EARLIER, 1), (ENERGY, 2)])
def test_tuned_blocks_fit_into_the_network_and_nothing_else_changes(
    photos: list[Photo],
    targets: np.ndarray,
    recipe: Recipe,
    base: keras.Model,
    random_weights: str,
    tmp_path: Path,
    head: PooledHead | None,
    blocks: int,
):
    recipe = replace(recipe, head=head or recipe.head, fine_tune=replace(GENTLE, blocks=blocks))
    features = _features(photos, recipe, base, tmp_path)
    frozen_head = _head(features, targets, recipe)
    base_before = [values.copy() for values in base.get_weights()]
    tuned = _tuned(features, targets, frozen_head, base, recipe)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(base.get_weights(), base_before, strict=True))

    on_tuned = tuned.features(features)
    tuned_head = _head(on_tuned, targets, recipe)
    network = build_network(recipe, num_classes=3, weights=random_weights)
    set_head(network, tuned_head)
    before = forward(network)(load_batch(photos, recipe))
    tuned.put_into(network.get_layer("vgg16"))
    after = forward(network)(load_batch(photos, recipe))
    assert_close(after, tuned_head.logits(head_features(on_tuned, recipe.pooled_head.taps)[0]), share=2e-3)
    assert np.abs(after - before).max() > 0.02 * np.abs(before).max()
    changed = {
        layer.name
        for layer in network.get_layer("vgg16").layers
        if layer.weights and not np.array_equal(layer.get_weights()[0], base.get_layer(layer.name).get_weights()[0])
    }
    assert changed == set(last_blocks(recipe.pooled_head.taps[-1], blocks)[1])


@pytest.mark.slow
def test_fine_tuning_makes_features_that_tell_the_classes_better_and_follows_from_the_seed(
    photos: list[Photo], targets: np.ndarray, recipe: Recipe, base: keras.Model, tmp_path: Path
):
    features = _features(photos, recipe, base, tmp_path)
    head = _head(features, targets, recipe)

    def spread(features: Features) -> float:
        """Return the classes' variance as a share of all."""
        rows = head_features(features, recipe.pooled_head.taps)[0]
        means = np.stack([rows[targets == label].mean(axis=0) for label in np.unique(targets)])
        return float(means.var(axis=0).sum() / rows.var(axis=0).sum())

    first, again = (_tuned(features, targets, head, base, recipe).features(features) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert 1 - spread(first) < 0.9 * (1 - spread(features))


@pytest.mark.slow
def test_the_network_predicts_in_batches_what_it_predicts_at_once(
    photos: list[Photo], cached_recipe: Recipe, random_weights: str, monkeypatch: pytest.MonkeyPatch
):
    keras.utils.set_random_seed(0)
    network = build_network(cached_recipe, num_classes=3, weights=random_weights)
    expected = network(load_batch(photos, cached_recipe).astype(np.float32)).numpy()
    monkeypatch.setattr("train.networks.network.FORWARD_BATCH", 5)
    assert_close(forward(network)(load_batch(photos, cached_recipe)), expected)
