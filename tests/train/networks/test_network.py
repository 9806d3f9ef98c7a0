"""The networks: published sizes, exact preprocessing, and weights that fit or are refused in one line."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.applications.vgg16 import preprocess_input

from tests.support.small_runs import SIDE_PX
from tests.train.conftest import assert_close
from train.errors import WeightsError
from train.networks.network import RootNormalize, build_network, root_normalize
from train.networks.pixels import GREY, Preprocess, pixel_scaling
from train.networks.vgg16 import FIRST_CONV, LAST_CONV, build_base, copy_in_precision, last_blocks, resolve_weights
from train.recipes import RECIPES, DenseHead, Recipe

IMAGES = np.random.default_rng(0).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


@pytest.mark.parametrize(("name", "parameters"), [("gems-baseline", 21_140_042), ("gems-improved", 21_171_658)])
def test_the_published_networks_have_the_published_size(name: str, parameters: int):
    network = build_network(RECIPES[name], num_classes=10, weights=None)
    assert network.count_params() == parameters
    assert network.input_shape == (None, 224, 224, 3)
    assert network.output_shape == (None, 10)


def test_caffe_preprocessing_is_that_of_keras_in_rgb():
    expected = preprocess_input(IMAGES.astype(np.float32))[..., ::-1]
    assert np.array_equal(Preprocess("caffe")(IMAGES).numpy(), expected)


def test_unit_preprocessing_divides_by_255():
    assert np.array_equal(Preprocess("unit")(IMAGES).numpy(), IMAGES.astype(np.float32) / np.float32(255))


def test_a_slim_network_takes_one_grey_value_off():
    assert np.array_equal(Preprocess("grey")(IMAGES).numpy(), IMAGES.astype(np.float32) - np.float32(GREY))
    slim = replace(RECIPES["custom"], widths=(16, 16))
    assert [pixel_scaling(recipe) for recipe in (slim, RECIPES["custom"])] == ["grey", "caffe"]
    assert pixel_scaling(replace(slim, preprocessing="unit")) == "unit"


def test_a_slim_base_has_its_widths_under_vgg16s_names(cached_recipe: Recipe):
    slim = build_base(replace(cached_recipe, widths=(16, 32, 48)), None)
    names = [layer.name for layer in slim.layers[1:]]
    assert names == ["block1_conv1", "block1_conv2", "block1_pool", "block2_conv1"]
    assert slim.output_shape == (None, SIDE_PX // 2, SIDE_PX // 2, 48)


def test_steps_of_two_pixels_stand_in_for_the_first_pooling(cached_recipe: Recipe):
    slim = build_base(replace(cached_recipe, widths=(16, 32, 48), first_stride=2), None)
    assert [layer.name for layer in slim.layers[1:]] == ["block1_conv1", "block1_conv2", "block2_conv1"]
    assert slim.get_layer("block1_conv1").output.shape == (None, SIDE_PX // 2, SIDE_PX // 2, 16)
    assert slim.output_shape == (None, SIDE_PX // 2, SIDE_PX // 2, 48)


def test_a_copy_in_another_precision_has_the_same_weights(cached_recipe: Recipe, random_weights: str):
    base = build_base(cached_recipe, random_weights)
    mixed = copy_in_precision(base, replace(cached_recipe, mixed_precision=True))
    assert mixed.get_layer(LAST_CONV).compute_dtype == "bfloat16"
    for copied, original in zip(mixed.get_weights(), base.get_weights(), strict=True):
        assert np.array_equal(copied, original)


@pytest.fixture(scope="module")
def original(random_weights: str) -> keras.Model:
    """VGG16 as Keras builds it."""
    return keras.applications.VGG16(include_top=False, weights=random_weights, input_shape=(SIDE_PX, SIDE_PX, 3))


def test_the_base_sees_what_keras_vgg16_sees(cached_recipe: Recipe, random_weights: str, original: keras.Model):
    base = build_base(cached_recipe, random_weights)
    expected = original(preprocess_input(IMAGES.astype(np.float32))).numpy()
    assert_close(base(Preprocess("caffe")(IMAGES)).numpy(), expected)


def test_only_the_first_kernel_is_turned_to_rgb_and_only_in_caffe_mode(
    cached_recipe: Recipe, random_weights: str, original: keras.Model
):
    caffe = build_base(cached_recipe, random_weights)
    unit = build_base(replace(cached_recipe, preprocessing="unit"), random_weights)
    for turned, kept, file in zip(caffe.get_weights(), unit.get_weights(), original.get_weights(), strict=True):
        assert np.array_equal(kept, file)
        assert np.array_equal(turned[:, :, ::-1] if turned.shape == (3, 3, 3, 64) else turned, file)
    assert not np.array_equal(caffe.get_layer(FIRST_CONV).get_weights()[0], unit.get_layer(FIRST_CONV).get_weights()[0])


def test_mixed_precision_is_the_bases_only_and_close(cached_recipe: Recipe, random_weights: str):
    mixed = replace(cached_recipe, mixed_precision=True)
    assert build_base(mixed, random_weights).get_layer(LAST_CONV).compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    networks = [build_network(recipe, num_classes=3, weights=random_weights) for recipe in (cached_recipe, mixed)]
    networks[1].get_layer("logits").set_weights(networks[0].get_layer("logits").get_weights())
    expected, answer = (network(IMAGES.astype(np.float32)) for network in networks)
    assert answer.dtype == "float32"
    assert_close(answer.numpy(), expected.numpy(), share=0.05)


def test_root_normalize_is_the_same_in_keras_and_numpy():
    features = np.random.default_rng(1).exponential(3, (4, 7)).astype(np.float32)
    features[0, :3] = 0
    by_hand = np.sqrt(features) / np.sqrt(features.sum(axis=1, keepdims=True))
    assert root_normalize(features) == pytest.approx(by_hand, abs=1e-5)
    assert RootNormalize()(features).numpy() == pytest.approx(root_normalize(features), abs=1e-6)
    assert np.linalg.norm(root_normalize(features), axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_root_normalize_survives_features_that_are_all_zero():
    nothing = np.zeros((1, 4), np.float32)
    assert root_normalize(nothing) == pytest.approx(np.full((1, 4), 0.5))
    assert RootNormalize()(nothing).numpy() == pytest.approx(np.full((1, 4), 0.5))


def test_the_base_is_frozen_and_the_head_is_not(cached_recipe: Recipe, published_recipe: Recipe):
    for recipe, variables in ((cached_recipe, 2), (published_recipe, 6)):
        network = build_network(recipe, num_classes=3, weights=None)
        assert len(network.trainable_variables) == variables
        assert network.get_layer("vgg16").get_layer(LAST_CONV).trainable is False
        assert network.get_layer("logits").trainable is True


def test_a_missing_weights_file_is_named(tmp_path: Path):
    with pytest.raises(WeightsError) as caught:
        resolve_weights(str(tmp_path / "none.weights.h5"))
    assert str(caught.value) == (
        f"base weights {tmp_path / 'none.weights.h5'} do not exist: give a .weights.h5 file or 'imagenet'"
    )


def test_weights_are_the_argument_or_the_environments_or_imagenets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("mine", "theirs"):
        (tmp_path / name).touch()
    monkeypatch.delenv("EDGE_INFER_BASE_WEIGHTS", raising=False)
    assert resolve_weights(None) == "imagenet"
    monkeypatch.setenv("EDGE_INFER_BASE_WEIGHTS", str(tmp_path / "theirs"))
    assert resolve_weights(None) == str(tmp_path / "theirs")
    assert resolve_weights(str(tmp_path / "mine")) == str(tmp_path / "mine")
    assert resolve_weights("imagenet") == "imagenet"


def _garbage(path: Path) -> None:
    path.write_bytes(b"no weights")


def _other_network(path: Path) -> None:
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]).save_weights(path)


@pytest.mark.parametrize("write", [_garbage, _other_network])
def test_weights_that_do_not_fit_are_refused_in_one_line(cached_recipe: Recipe, tmp_path: Path, write):
    path = tmp_path / "other.weights.h5"
    write(path)
    with pytest.raises(WeightsError) as caught:
        build_base(cached_recipe, str(path))
    message = str(caught.value)
    assert message.startswith(f"base weights {path} do not fit VGG16 without top: ")
    assert message.endswith("(give --base-weights FILE with a Keras .weights.h5 of it)")
    assert "\n" not in message


def test_the_real_weights_load(base_weights: str):
    base = build_base(replace(RECIPES["custom"], image_size=SIDE_PX), base_weights)
    assert base.get_layer(LAST_CONV).get_weights()[0].shape == (3, 3, 512, 512)


def test_blocks_are_named_by_their_last_layer():
    fifth = ("block5_conv1", "block5_conv2", "block5_conv3")
    assert last_blocks("block5_conv3", 1) == ("block4_pool", fifth)
    assert last_blocks("block2_conv2", 1) == ("block1_pool", ("block2_conv1", "block2_conv2"))
    fourth = ("block4_conv1", "block4_conv2", "block4_conv3")
    assert last_blocks("block5_conv3", 2) == ("block3_pool", (*fourth, *fifth))
    for tap, blocks in (("block5_conv3", 5), ("block1_conv2", 1), ("block5_conv3", 0)):
        with pytest.raises(ValueError, match="leave none below them"):
            last_blocks(tap, blocks)


def test_a_sigmoid_head_answers_for_both_classes(random_weights: str, published_recipe: Recipe):
    recipe = replace(published_recipe, head=DenseHead(units=(8,), l2=0.5, sigmoid=True))
    network = build_network(recipe, 2, random_weights)
    images = np.random.default_rng(0).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3)).astype(np.float32)
    logits = network(images).numpy()
    (z,) = keras.Model(network.input, network.get_layer("logit").output)(images).numpy().T
    assert np.array_equal(logits, np.stack([np.zeros(4), z], axis=1))
    probabilities = keras.ops.softmax(logits).numpy()
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-5)
    kernel = network.get_layer("hidden_1").get_weights()[0]
    assert float(network.losses[0]) == pytest.approx(0.5 * float((kernel**2).sum()), rel=1e-5)
