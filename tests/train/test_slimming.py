"""Slimming a small run end to end: fewer channels, the same answers, resumable, and for any kind of head."""

from pathlib import Path

import numpy as np
import pytest

from tests.export.conftest import dense_run, photos, pooled_run, train_run
from tests.train.conftest import cached_recipe, published_recipe, random_weights
from train.distillation import Distillation
from train.finished_run import load_run
from train.slim_run import slim_run
from train.slimming import Goal

__all__ = ["cached_recipe", "dense_run", "photos", "pooled_run", "published_recipe", "random_weights", "train_run"]

OPTIONS = {"unlabelled": (), "data": None, "test": None, "resume": False, "mixed_precision": False}
SETTINGS = Distillation(views=2, epochs=2, learning_rate=1e-6)  # random weights bear no more


@pytest.fixture(scope="module")
def slim_folder(pooled_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("slim") / "run"
    slim_run(pooled_run, out, Goal(speedup=4), settings=SETTINGS, cache=out.parent / "cache", **OPTIONS)
    return out


def test_a_slim_run_has_fewer_channels_and_answers_the_same(slim_folder: Path, pooled_run: Path):
    slim, full = load_run(slim_folder), load_run(pooled_run)
    assert slim.metrics["slim"]["speedup"] >= 4
    assert len(slim.recipe.widths) == 13
    assert all(width % 16 == 0 for width in slim.recipe.widths)
    assert slim.network.get_layer("vgg16").get_layer("block4_conv3").get_weights()[0].shape[-1] == slim.recipe.widths[9]
    assert slim.network.count_params() < full.network.count_params() / 3
    assert slim.metrics["test"]["accuracy"] == full.metrics["test"]["accuracy"] == 1.0


def test_a_dense_head_keeps_its_maps_and_its_weights(dense_run: Path, tmp_path: Path):
    slim_run(dense_run, tmp_path / "run", Goal(width=0.5), settings=SETTINGS, cache=tmp_path / "cache", **OPTIONS)
    slim, full = load_run(tmp_path / "run"), load_run(dense_run)
    assert slim.recipe.widths == (32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 512)
    for name in ("hidden_1", "hidden_2", "logits"):
        weights = (network.get_layer(name).get_weights() for network in (slim.network, full.network))
        for kept, original in zip(*weights, strict=True):
            assert np.array_equal(kept, original)
