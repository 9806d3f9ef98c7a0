"""The recipes: data, not code. Nothing else in train and export knows about gems.

`schema` says what a recipe is. `*-baseline`, `*-improved` and `*-l2` (`published`) repeat student
projects as they were published; the others (`ours`) are ours.
"""

from train.recipes.ours import CUSTOM, GEMS, GENDER
from train.recipes.published import GEMS_BASELINE, GEMS_IMPROVED, GENDER_BASELINE, GENDER_L2
from train.recipes.schema import (
    Augmentation,
    CachedViews,
    DenseHead,
    FineTune,
    FineTuneMode,
    KnownHead,
    OnTheFly,
    PooledHead,
    Pooling,
    Preprocessing,
    Recipe,
    recipe_from_json,
    with_fine_tuning,
)

__all__ = [
    "RECIPES",
    "Augmentation",
    "CachedViews",
    "DenseHead",
    "FineTune",
    "FineTuneMode",
    "KnownHead",
    "OnTheFly",
    "PooledHead",
    "Pooling",
    "Preprocessing",
    "Recipe",
    "recipe_from_json",
    "with_fine_tuning",
]

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (GEMS, GEMS_BASELINE, GEMS_IMPROVED, GENDER, GENDER_BASELINE, GENDER_L2, CUSTOM)
}
