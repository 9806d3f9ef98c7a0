"""How far the views go from which a slim network learns."""

from dataclasses import replace

from train.distillation import Distillation, view_recipe
from train.recipes import RECIPES


def test_views_are_those_of_training_unless_asked_for():
    assert view_recipe(RECIPES["gems"], Distillation(views=2, epochs=1)) is RECIPES["gems"]


def test_wide_views_go_as_far_as_training_at_least():
    wide = view_recipe(RECIPES["gender"], Distillation(views=2, epochs=1, wide_views=True))
    own = RECIPES["gender"].augmentation
    changed = {"shift": 0.15, "zoom": 0.3, "brightness": 0.3, "tint": 0.2, "saturation": 0.5}
    assert wide == replace(RECIPES["gender"], augmentation=replace(own, **changed))
