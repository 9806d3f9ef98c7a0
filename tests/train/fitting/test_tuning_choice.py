"""Which photos decide whether the last blocks are fine-tuned, and how much work that is."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from train.fitting.crossval import CrossValidation
from train.fitting.tuning_choice import right_where_it_counts, tuning_passes
from train.recipes import RECIPES, Recipe

OWN = np.eye(2)[[0, 1, 1]]  # right, right, wrong
ELSEWHERE = np.eye(2)[[1, 0, 1, 1]]  # right, right, right, wrong


@pytest.mark.parametrize(("targets", "expected"), [([], [1, 0]), ([1, 0, 1, 0], [1, 1, 1, 0])])
def test_photos_from_elsewhere_decide_alone_where_there_are_any(targets: list[int], expected: list[int]):
    data = SimpleNamespace(
        targets=np.array([0, 1, 0]),
        not_test=np.array([1, 2]),
        elsewhere=SimpleNamespace(targets=np.array(targets, np.int64)),
    )
    crossval = CrossValidation(OWN[np.newaxis], np.array([0.5]), ELSEWHERE[np.newaxis, : len(targets)])
    assert right_where_it_counts(crossval, data).tolist() == expected


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
