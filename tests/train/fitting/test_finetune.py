"""Fine-tuning starts where the head ends, changes the last block only, and fits into the network."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.train.conftest import assert_close, write_photos
from train.data.photos import Photo, find_photos, labels_of
from train.fitting.finetune import fine_tune
from train.fitting.head import LinearHead, fit_linear, head_features, set_head
from train.networks.network import build_network, forward
from train.networks.vgg16 import LAST_CONV, block_of, build_base
from train.recipes import FineTune, PooledHead, Recipe
from train.views.features import Features, extract, load_batch

STILL = FineTune(mode="always", learning_rate=0.0, batch_size=8, epochs=1)
GENTLE = replace(STILL, learning_rate=1e-4, epochs=2)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return find_photos(write_photos(tmp_path_factory.mktemp("photos"), count=4))


@pytest.fixture(scope="module")
def targets(photos: list[Photo]) -> np.ndarray:
    return np.array([labels_of(photos).index(photo.label) for photo in photos])


@pytest.fixture(scope="module")
def base(cached_recipe: Recipe, random_weights: str) -> keras.Model:
    return build_base(cached_recipe, random_weights)


@pytest.fixture(scope="module")
def features(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Features:
    cache: Path = tmp_path_factory.mktemp("cache")
    return extract(photos, 2, cached_recipe, base, cached_recipe.head.taps, cache, with_maps=True)


@pytest.fixture(scope="module")
def head(features: Features, targets: np.ndarray, cached_recipe: Recipe) -> LinearHead:
    return fit_linear(head_features(features, cached_recipe.head.taps), targets, inverse_l2=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("taps", [("block4_conv3", "block5_conv3"), ("block5_conv3",)])
def test_without_a_step_the_logits_are_those_of_the_head(
    features: Features, targets: np.ndarray, base: keras.Model, taps: tuple[str, ...]
):
    chosen = {name: values for name, values in features.items() if name == "maps" or name in taps}
    head = fit_linear(head_features(chosen, taps), targets, inverse_l2=0.1)
    tuned = fine_tune(chosen, targets, head, base, PooledHead(taps, 0.1), STILL, seed=1)
    assert_close(tuned.logits(chosen), head.logits(head_features(chosen, taps)[0]), share=2e-3)  # maps are float16


@pytest.mark.slow
def test_the_tuned_block_fits_into_the_network_and_nothing_else_changes(
    photos: list[Photo],
    features: Features,
    targets: np.ndarray,
    head: LinearHead,
    base: keras.Model,
    cached_recipe: Recipe,
    random_weights: str,
):
    network = build_network(cached_recipe, num_classes=3, weights=random_weights)
    set_head(network, head)
    before = forward(network)(load_batch(photos, cached_recipe))
    base_before = [values.copy() for values in base.get_weights()]
    tuned = fine_tune(features, targets, head, base, cached_recipe.head, GENTLE, seed=1)
    tuned.put_into(network)

    after = forward(network)(load_batch(photos, cached_recipe))
    assert_close(after, tuned.logits(features), share=2e-3)
    assert np.abs(after - before).max() > 0.02 * np.abs(before).max()
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(base.get_weights(), base_before, strict=True))
    for layer in network.get_layer("vgg16").layers:
        frozen = [
            np.array_equal(mine, theirs)
            for mine, theirs in zip(layer.get_weights(), _weights_of(base, layer.name), strict=True)
        ]
        assert all(frozen) or layer.name in block_of(LAST_CONV)[1]
        assert not (frozen and all(frozen) and layer.name in block_of(LAST_CONV)[1])


@pytest.mark.slow
def test_fine_tuning_lowers_the_loss_and_follows_from_the_seed(
    features: Features, targets: np.ndarray, head: LinearHead, base: keras.Model, cached_recipe: Recipe
):
    taps = cached_recipe.head.taps
    hesitant = LinearHead(head.kernel / 10, head.bias / 10)
    settings = replace(GENTLE, learning_rate=2e-5)

    def tuned_logits() -> np.ndarray:
        return fine_tune(features, targets, hesitant, base, cached_recipe.head, settings, seed=1).logits(features)

    def loss(logits: np.ndarray) -> float:
        return float(keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True).numpy().mean())

    first, again = tuned_logits(), tuned_logits()
    assert np.array_equal(first, again)
    assert loss(first) < 0.8 * loss(hesitant.logits(head_features(features, taps)[0]))


def test_the_block_is_what_lies_above_the_cached_maps(base: keras.Model):
    names = [layer.name for layer in base.layers]
    above = [name for name in names[names.index(block_of(LAST_CONV)[0]) + 1 :] if "conv" in name]
    assert tuple(above) == block_of(LAST_CONV)[1]


@pytest.mark.slow
def test_the_network_predicts_in_batches_what_it_predicts_at_once(
    photos: list[Photo], cached_recipe: Recipe, random_weights: str, monkeypatch: pytest.MonkeyPatch
):
    keras.utils.set_random_seed(0)
    network = build_network(cached_recipe, num_classes=3, weights=random_weights)
    expected = network(load_batch(photos, cached_recipe).astype(np.float32)).numpy()
    monkeypatch.setattr("train.networks.network.FORWARD_BATCH", 5)
    assert_close(forward(network)(load_batch(photos, cached_recipe)), expected)


def _weights_of(base: keras.Model, name: str) -> list[np.ndarray]:
    if name not in [layer.name for layer in base.layers]:
        return []  # the input
    return base.get_layer(name).get_weights()


@pytest.mark.slow
def test_a_head_on_an_earlier_layer_tunes_the_block_that_ends_there(
    photos: list[Photo], targets: np.ndarray, random_weights: str, tmp_path: Path, cached_recipe: Recipe
):
    shape = PooledHead(("block3_conv3", "block4_conv3"), 0.1, grid=2)
    recipe = replace(cached_recipe, head=shape)
    base = build_base(recipe, random_weights)
    features = extract(photos, 2, recipe, base, shape.taps, tmp_path, grid=2, with_maps=True)
    assert features["maps"].shape[2:] == (4, 4, 256)  # block3_pool of 32 pixels
    inputs = head_features(features, shape.taps)
    head = fit_linear(inputs, targets, inverse_l2=0.1)
    network = build_network(recipe, len(set(targets.tolist())), random_weights)
    set_head(network, head)
    still = fine_tune(features, targets, head, base, shape, STILL, seed=1)
    still.put_into(network)
    expected = forward(network)(load_batch(photos, recipe))
    assert_close(still.logits(features), expected, share=2e-3)  # maps are float16
    tuned = fine_tune(features, targets, head, base, shape, GENTLE, seed=1)
    tuned.put_into(network)
    changed = [
        layer.name
        for layer in network.get_layer("vgg16").layers
        if layer.weights and not np.array_equal(layer.get_weights()[0], base.get_layer(layer.name).get_weights()[0])
    ]
    assert changed == ["block4_conv1", "block4_conv2", "block4_conv3"]
