"""What a head reads of Lite0: its last maps, pooled in both ways, for every photo and view."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from benchmarks.rival import lite0
from train.data.photos import Photo, sha256_file
from train.metrics import Floats
from train.networks import pooling as poolings
from train.networks.network import RootNormalize, root_normalize
from train.networks.pooling import pool_taps
from train.recipes import Pooling, Recipe
from train.views.features import Features, cached, decides_views

Norm = Literal["root", "unit", "none"]

POOLINGS: tuple[Pooling, ...] = ("average", "energy")
NORMS: tuple[Norm, ...] = ("root", "unit", "none")
LOGITS = "logits"
_DECIDING_CODE = (lite0, poolings)


def lite0_features(
    photos: Sequence[Photo], views: int, recipe: Recipe, base: keras.Model, weights: Path, cache: Path
) -> Features:
    """Return pooled maps by pooling, `float32 [views, N, 1280]`.

    Args:
        photos: The photos.
        views: Views a photo, the first one unchanged.
        recipe: Size and augmentation.
        base: From `lite0.build_lite0`.
        weights: The file that its tensors are from.
        cache: Cache folder.
    """
    decides = {
        **decides_views(recipe),
        "code": [sha256_file(Path(str(module.__file__))) for module in _DECIDING_CODE],
        "weights": sha256_file(weights),
    }
    name = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:24]
    outputs = {pooling: pooled(base.output, pooling) for pooling in POOLINGS}
    return cached(photos, views, recipe, keras.Model(base.input, outputs), cache / "rival" / name)


def pooled(maps: keras.KerasTensor, pooling: Pooling) -> keras.KerasTensor:
    """Pool maps `[N, h, w, C]` to `[N, C]`, as our networks do."""
    pooled_maps: keras.KerasTensor = pool_taps({pooling: maps}, (pooling,), pooling=pooling)[pooling]
    return pooled_maps


def normalized(features: Floats, norm: Norm) -> Floats:
    """Return features `[..., D]` root-normalized, of unit length, or as they are."""
    match norm:
        case "root":
            return root_normalize(features)
        case "unit":
            unit: Floats = features / np.linalg.norm(features, axis=-1, keepdims=True)
            return unit
        case "none":
            return features


def with_head(base: keras.Model, pooling: Pooling, norm: Norm, classes: int) -> keras.Model:
    """Return the network with a head: pixels 0-255 `[N, H, W, 3]` -> logits `[N, classes]`."""
    features = pooled(base.output, pooling)
    if norm == "root":
        features = RootNormalize(name="normalize")(features)
    elif norm == "unit":
        features = keras.layers.UnitNormalization(name="normalize")(features)
    return keras.Model(base.input, keras.layers.Dense(classes, name=LOGITS)(features), name="lite0")
