"""How much work fine-tuning is, said before it begins."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from train.fitting.pooled import tuning_passes
from train.recipes import RECIPES, Recipe


@dataclass(frozen=True)
class Training:
    """As many photos, strangers and views as `train gems` has, without what they look like."""

    recipe: Recipe
    training_photos = range(272 + 379)
    views = range(5)
    features: dict[str, Any]
    strangers: dict[str, Any] | None


def maps(views: int, photos: int) -> dict[str, Any]:
    return {"maps": np.empty((views, photos, 0))}


def test_the_gems_stay_within_25_passes():
    gems = Training(RECIPES["gems"], maps(5, 754), maps(3, 1387))
    # Blocks 4 and 5 are 6.0 of VGG16's 15.3 GMAC. Five times 651 photos in five views learn, at three passes each, and
    # six times all 7,931 views are read.
    assert tuning_passes(gems) == pytest.approx(6.0 / 15.3 * (3 * 5 * 651 * 5 + 6 * 7931) / 2141, rel=0.01)
    assert tuning_passes(gems) + 7931 / 2141 < 25


def test_what_learns_longer_or_deeper_is_more_work():
    recipe = RECIPES["gems"]
    whole, longer, shallower = (
        tuning_passes(Training(replace(recipe, fine_tune=replace(recipe.fine_tune, **changes)), maps(5, 754), None))
        for changes in ({}, {"epochs": 2}, {"blocks": 1})
    )
    assert whole < longer < 2 * whole
    assert shallower == pytest.approx(whole * 1.39 / 6.0, rel=0.01)
    assert tuning_passes(Training(replace(recipe, fine_tune=None), maps(5, 754), None)) == 0
