"""Slimming a run whose head reads the maps themselves; one with pooled features is slimmed in test_from_photos.py."""

from pathlib import Path

import numpy as np

from tests.export.conftest import dense_run, photos, train_run
from tests.train.conftest import published_recipe, random_weights
from train.distillation import Distillation
from train.finished_run import load_run
from train.slim_run import slim_run
from train.slimming import Goal

__all__ = ["dense_run", "photos", "published_recipe", "random_weights", "train_run"]


def test_a_dense_head_keeps_its_maps_and_its_weights(dense_run: Path, tmp_path: Path):
    slim_run(
        dense_run,
        tmp_path / "run",
        Goal(width=0.5),
        unlabelled=(),
        settings=Distillation(views=2, epochs=2, learning_rate=1e-6),  # random weights bear no larger steps
        data=None,
        test=None,
        resume=False,
        mixed_precision=False,
        cache=tmp_path / "cache",
    )
    slim, full = load_run(tmp_path / "run"), load_run(dense_run)
    assert slim.recipe.widths == (32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 512)
    for name in ("hidden_1", "hidden_2", "logits"):
        weights = (network.get_layer(name).get_weights() for network in (slim.network, full.network))
        for kept, original in zip(*weights, strict=True):
            assert np.array_equal(kept, original)
