"""Features are pooled from the maps, kept, and not computed twice. No network: its maps are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.levers.features import FrozenFeatures
from benchmarks.levers.pooling import POOLINGS
from benchmarks.levers.views import WHOLE, View
from tests.conftest import drawn
from train.data.photos import Photo, sha256_file
from train.errors import CacheError
from train.networks.network import root_normalize
from train.recipes import Augmentation


def made_up_maps(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return maps that follow from the pixels."""
    small = tf.cast(pixels, tf.float32)[:, ::16, ::16] / 255
    means = {f"mean-{block}": tf.reduce_mean(small, (1, 2)) * block for block in (1, 2, 3)}
    return means | {"maps-4": small, "maps-5": small**2}


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrozenFeatures:
    monkeypatch.setattr(FrozenFeatures, "_network", lambda self, side: made_up_maps)
    return FrozenFeatures("imagenet", tmp_path / "cache", mixed_precision=False)


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    paths = [tmp_path / f"{i}.png" for i in range(10)]  # more than one batch
    for i, path in enumerate(paths):
        drawn((20 * i, 90, 200), seed=i).save(path)
    return [Photo(path, "a", sha256_file(path)) for path in paths]


def test_blocks_are_pooled_and_each_has_unit_length(features: FrozenFeatures, photos: list[Photo]):
    found = features.pooled(photos, WHOLE, "eg2", (4, 5))
    maps = [np.stack(pair) for pair in zip(*features.maps(photos, WHOLE), strict=True)]
    expected = np.concatenate([root_normalize(POOLINGS["eg2"](of_block)) for of_block in maps], axis=1)
    assert found.shape == (10, 6)
    assert found == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(found[:, :3], axis=1) == pytest.approx(np.ones(10))


def test_photos_can_each_be_seen_in_a_view_of_their_own(features: FrozenFeatures, photos: list[Photo]):
    looks = [(photo, View(box=(0.0, 0.0, 0.5, 0.1 * i + 0.1))) for i, photo in enumerate(photos[:9])]
    found = features.pooled_each(looks, "mean", (4,))
    assert features.passes == 9
    alone = np.concatenate([features.pooled([photo], view, "mean", (4,)) for photo, view in looks])
    assert (found == alone).all()
    assert features.passes == 9


def test_one_pass_serves_every_pooling_and_block_and_is_kept(features: FrozenFeatures, photos: list[Photo]):
    features.pooled(photos[:9], WHOLE, "eg2", (4, 5))
    assert features.passes == 9
    assert features.pooled(photos[:9], WHOLE, "mean", (1, 2, 3, 4, 5)).shape == (9, 15)
    assert features.passes == 9
    features.pooled(photos, WHOLE, "gem", (5,))
    assert features.passes == 10
    features.pooled(photos[:2], View(1), "gem", (5,))
    assert features.passes == 12


def test_other_precision_has_other_features_and_a_damaged_entry_is_named(
    features: FrozenFeatures, photos: list[Photo], tmp_path: Path
):
    features.pooled(photos[:1], WHOLE, "mean", (5,))
    mixed = FrozenFeatures("imagenet", tmp_path / "cache", mixed_precision=True)
    mixed.pooled(photos[:1], WHOLE, "mean", (5,))
    assert mixed.passes == 1
    entries = sorted((tmp_path / "cache").rglob("*.npz"))
    assert len(entries) == 2
    for entry in entries:
        entry.write_bytes(b"PK not really")
    with pytest.raises(CacheError, match="is damaged: remove it and run again"):
        features.pooled(photos[:1], WHOLE, "mean", (5,))


def test_other_grounds_have_other_features_only_of_views_that_show_them(
    features: FrozenFeatures, photos: list[Photo], tmp_path: Path
):
    on_ground = View(ground=1)
    features.grounds = photos[5:7]
    features.pooled(photos[:2], on_ground, "mean", (5,))
    features.pooled(photos[:2], WHOLE, "mean", (5,))
    assert features.passes == 4
    features.grounds = photos[6:8]
    features.pooled(photos[:2], on_ground, "mean", (5,))
    assert features.passes == 6
    features.pooled(photos[:2], WHOLE, "mean", (5,))
    assert features.passes == 6


def test_other_changes_and_other_base_weights_have_other_features(
    photos: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def entries() -> int:
        return len(list((tmp_path / "cache").rglob("*.npz")))

    def look(weights: str, **changes: object) -> None:
        features = FrozenFeatures(weights, tmp_path / "cache", mixed_precision=False)
        features.recipe = replace(features.recipe, **changes)
        features.pooled(photos[:1], WHOLE, "mean", (5,))

    monkeypatch.setattr(FrozenFeatures, "_network", lambda self, side: made_up_maps)
    look("imagenet")
    look("imagenet", seed=7)
    look("imagenet", augmentation=Augmentation(crop=0.5))
    (tmp_path / "own.weights.h5").write_bytes(b"own")
    look(str(tmp_path / "own.weights.h5"))
    assert entries() == 4
    look("imagenet")
    assert entries() == 4


def test_base_weights_are_known_by_what_the_file_holds(tmp_path: Path):
    path = tmp_path / "own.weights.h5"
    path.write_bytes(b"own")
    named = [FrozenFeatures(w, tmp_path, mixed_precision=False).base_weights for w in ("imagenet", str(path))]
    assert named == ["imagenet", sha256_file(path)]
