"""Features are computed once a photo and view, and never served for other settings."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.support.small_runs import SIDE_PX
from tests.train.conftest import assert_close, photo, write_photos
from train.data.photos import Photo, find_photos
from train.networks.pixels import Preprocess
from train.networks.pooling import EnergyPooling
from train.networks.vgg16 import build_base
from train.recipes import Augmentation, Recipe
from train.views import features
from train.views.features import code_digest, decides_views, extract, load_batch, load_view, load_views, scene, select

TAPS = ("block4_conv3", "block5_conv3")
ENTRANCE = "block4_pool"


@pytest.fixture(scope="module")
def base(cached_recipe: Recipe, random_weights: str) -> keras.Model:
    return build_base(cached_recipe, random_weights)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return find_photos(write_photos(tmp_path_factory.mktemp("photos"), count=4))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Photo, int]]:
    """The photos and views that had to be computed."""
    seen = []

    def record(photo: Photo, view: int, recipe: Recipe) -> np.ndarray:
        seen.append((photo, view))
        return load_view(photo, view, recipe)

    monkeypatch.setattr("train.views.features.load_view", record)
    return seen


def assert_loaded(loads: list[tuple[Photo, int]], wanted: list[tuple[Photo, int]]) -> None:
    """Compare what was computed with what had to be, each once, in any order: threads take turns."""
    assert len(loads) == len(wanted)
    assert set(loads) == set(wanted)


def test_views_come_in_the_order_they_are_asked_for_in(
    photos: list[Photo], cached_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late_if_first(photo: Photo, view: int, recipe: Recipe) -> np.ndarray:
        time.sleep(0.05 if photo == photos[0] else 0)
        return load_view(photo, view, recipe)

    wanted = [(photo, view) for photo in photos[:3] for view in (0, 1)]
    expected = [load_view(*item, cached_recipe) for item in wanted]
    monkeypatch.setattr("train.views.features.load_view", late_if_first)
    assert np.array_equal(load_views(wanted, cached_recipe), expected)


def test_pooled_features_are_the_means_of_the_maps(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path
):
    features = extract(photos[:3], 1, cached_recipe, base, TAPS, tmp_path, entrance=ENTRANCE)
    wanted = [base.get_layer(name).output for name in (*TAPS, ENTRANCE)]
    first, last, maps = keras.Model(base.input, wanted)(Preprocess("caffe")(load_batch(photos[:3], cached_recipe)))
    assert {name: values.shape for name, values in features.items()} == {
        "block4_conv3": (1, 3, 512),
        "block5_conv3": (1, 3, 512),
        "maps": (1, 3, 2, 2, 512),
    }
    assert {name: values.dtype for name, values in features.items()} == {
        "block4_conv3": np.float32,
        "block5_conv3": np.float32,
        "maps": np.float16,
    }
    for tap, values in zip(TAPS, (first, last), strict=True):
        assert_close(features[tap][0], values.numpy().mean(axis=(1, 2)))
    assert_close(features["maps"][0], maps.numpy(), share=1e-3)  # stored in half precision


def test_energy_pooled_features_come_with_the_averages(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path
):
    features = extract(photos[:2], 1, cached_recipe, base, TAPS, tmp_path, pooling="energy")
    plain = extract(photos[:2], 1, cached_recipe, base, TAPS, tmp_path)
    assert set(features) == {*TAPS, *map(scene, TAPS)}
    (maps,) = [
        keras.Model(base.input, base.get_layer(TAPS[-1]).output)(
            Preprocess("caffe")(load_batch(photos[:2], cached_recipe))
        )
    ]
    assert_close(features[TAPS[-1]][0], EnergyPooling()(maps).numpy())
    for tap in TAPS:
        assert np.array_equal(features[scene(tap)], plain[tap])
        assert not np.allclose(features[tap], plain[tap])


def test_a_view_may_be_a_part_of_the_photo(tmp_path: Path, cached_recipe: Recipe):
    """Left half red, right half blue: the whole has as much of both, a small part seldom."""
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[:, :80, 0], pixels[:, 80:, 2] = 200, 200
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    halves = photo(tmp_path / "halves.png")
    parts = replace(cached_recipe, augmentation=Augmentation(crop=0.9))
    assert np.array_equal(load_view(halves, 0, parts), load_view(halves, 0, cached_recipe))
    shares = [(load_view(halves, view, parts)[..., 0] > 100).mean() for view in range(1, 9)]
    assert np.array_equal(load_view(halves, 3, parts), load_view(halves, 3, parts))
    assert max(shares) - min(shares) > 0.3


def test_view_zero_is_the_photo_and_the_others_are_not(photos: list[Photo], cached_recipe: Recipe):
    views = [load_view(photos[0], view, cached_recipe) for view in (0, 1, 2)]
    assert np.array_equal(views[0], load_batch(photos[:1], cached_recipe)[0])
    assert (views[0].shape, views[0].dtype) == ((SIDE_PX, SIDE_PX, 3), np.uint8)
    assert not np.array_equal(views[0], views[1])
    assert not np.array_equal(views[1], views[2])


def test_a_second_call_computes_nothing(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path, loads: list
):
    first = extract(photos, 2, cached_recipe, base, TAPS, tmp_path)
    assert_loaded(loads, [(photo, view) for view in (0, 1) for photo in photos])
    loads.clear()
    second = extract(photos, 2, cached_recipe, base, TAPS, tmp_path)
    assert loads == []
    assert all(np.array_equal(first[tap], second[tap]) for tap in TAPS)
    extract(photos, 3, cached_recipe, base, TAPS, tmp_path)
    assert_loaded(loads, [(photo, 2) for photo in photos])


def test_an_interrupted_extraction_goes_on_where_it_stopped(
    photos: list[Photo],
    base: keras.Model,
    cached_recipe: Recipe,
    tmp_path: Path,
    loads: list,
    monkeypatch: pytest.MonkeyPatch,
):
    with monkeypatch.context() as interrupted:

        def stop_at_the_tenth(photo: Photo, view: int, recipe: Recipe) -> np.ndarray:
            loads.append((photo, view))
            if len(loads) == 10:
                raise KeyboardInterrupt
            return load_view(photo, view, recipe)

        interrupted.setattr("train.views.features.load_view", stop_at_the_tenth)
        with pytest.raises(KeyboardInterrupt):
            extract(photos, 1, cached_recipe, base, TAPS, tmp_path / "a")
    loads.clear()
    resumed = extract(photos, 1, cached_recipe, base, TAPS, tmp_path / "a")
    assert_loaded(loads, [(photo, 0) for photo in photos[8:]])  # the first whole batch of 8 was kept
    whole = extract(photos, 1, cached_recipe, base, TAPS, tmp_path / "b")
    for tap in TAPS:
        assert_close(resumed[tap], whole[tap])


def test_values_do_not_depend_on_the_batch(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path
):
    together = extract(photos, 1, cached_recipe, base, TAPS, tmp_path / "a")
    alone = extract(photos[5:6], 1, cached_recipe, base, TAPS, tmp_path / "b")
    for tap in TAPS:
        assert_close(alone[tap][0, 0], together[tap][0, 5])


def _nudged(base: keras.Model, layer: str) -> keras.Model:
    other = keras.models.clone_model(base)
    other.set_weights(base.get_weights())
    kernel, bias = base.get_layer(layer).get_weights()
    other.get_layer(layer).set_weights([kernel, bias + 1e-3])
    return other


CHANGES: dict[str, Callable[[Recipe], Recipe]] = {
    "preprocessing": lambda recipe: replace(recipe, preprocessing="unit"),
    "augmentation": lambda recipe: replace(recipe, augmentation=Augmentation(rotation_deg=1)),
    "seed": lambda recipe: replace(recipe, seed=2),
    "precision": lambda recipe: replace(recipe, mixed_precision=True),
    "size": lambda recipe: replace(recipe, image_size=48),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_other_settings_are_computed_anew(
    photos: list[Photo],
    cached_recipe: Recipe,
    random_weights: str,
    tmp_path: Path,
    loads: list,
    change: Callable[[Recipe], Recipe],
):
    for recipe in (cached_recipe, change(cached_recipe)):
        loads.clear()
        extract(photos[:1], 1, recipe, build_base(recipe, random_weights), TAPS[:1], tmp_path)
        assert loads == [(photos[0], 0)]


def test_other_code_is_another_cache(cached_recipe: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "a.py").write_text("1")
    before, decided = code_digest(tmp_path), decides_views(cached_recipe)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "b.py").write_text("2")
    assert code_digest(tmp_path) != before == code_digest(tmp_path / "a.py")
    for places in ("_VIEWS", "_PICTURES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"train.views.features.{places}", (tmp_path,))
            assert decides_views(cached_recipe) != decided
    assert {place.name for place in features._PICTURES} >= {"loading.py", "turning.py", "whole.py", "containers"}
    assert not {place.name for place in features._PICTURES} & {"drawing", "finding"}


def test_other_weights_and_taps_are_computed_anew(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path, loads: list
):
    extract(photos[:1], 1, cached_recipe, base, TAPS[:1], tmp_path)
    extract(photos[:1], 1, cached_recipe, _nudged(base, TAPS[0]), TAPS[:1], tmp_path)
    extract(photos[:1], 1, cached_recipe, base, TAPS[1:], tmp_path)
    extract(photos[:1], 1, cached_recipe, base, TAPS[:1], tmp_path, entrance=ENTRANCE)
    assert loads == [(photos[0], 0)] * 4


def test_layers_behind_the_taps_do_not_decide_features(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path, loads: list
):
    extract(photos[:1], 1, cached_recipe, base, TAPS[:1], tmp_path)
    extract(photos[:1], 1, cached_recipe, _nudged(base, TAPS[1]), TAPS[:1], tmp_path)
    assert loads == [(photos[0], 0)]


def test_what_does_not_decide_features_does_not_recompute_them(
    photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path, loads: list
):
    extract(photos[:2], 1, cached_recipe, base, TAPS, tmp_path)
    loads.clear()
    renamed = replace(photos[0], path=photos[0].path.rename(photos[0].path.with_stem("renamed")), label="other")
    other_head = replace(cached_recipe, name="other", head=replace(cached_recipe.head, inverse_l2=9.0))
    extract([photos[1], renamed], 1, other_head, base, TAPS, tmp_path)
    renamed.path.rename(photos[0].path)
    assert loads == []


def test_entries_hold_no_pickle(photos: list[Photo], base: keras.Model, cached_recipe: Recipe, tmp_path: Path):
    extract(photos[:2], 1, cached_recipe, base, TAPS, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == sorted(f"{photo.sha256}-0.npz" for photo in photos[:2])
    for path in files:
        with np.load(path, allow_pickle=False) as entry:
            assert {name: entry[name].dtype for name in entry.files} == dict.fromkeys(TAPS, np.float32)


def test_select_takes_photos_not_views():
    values = np.arange(12).reshape(2, 3, 2)
    assert np.array_equal(select({"tap": values}, np.array([2, 0]))["tap"], values[:, [2, 0]])
