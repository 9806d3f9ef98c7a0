"""How slim a network is to become."""

from dataclasses import dataclass

from train.recipes import PooledHead, Recipe
from train.slim.observed import observed_layers
from train.slim.widths import check_speedup


@dataclass(frozen=True, slots=True)
class Goal:
    """How slim: one of the two is given.

    Attributes:
        speedup: Divide the multiply-accumulates by this, where it is missed least.
        width: Keep this share of every layer's channels.
    """

    speedup: float | None = None
    width: float | None = None


def check_goal(goal: Goal, recipe: Recipe) -> None:
    """Refuse a goal that no slim network of a recipe reaches, before hours are spent on it.

    Raises:
        GoalError: The speed-up is too high.
    """
    if goal.speedup is not None:
        layers = observed_layers(recipe)
        prunable = layers if isinstance(recipe.head, PooledHead) else layers[:-1]  # as in `Pruner.sensitivities`
        check_speedup(goal.speedup, layers, prunable, recipe.image_size)
