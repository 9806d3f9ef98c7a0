"""How slim a network is to become."""

from dataclasses import dataclass, replace

from train.errors import GoalError
from train.networks.vgg16 import pool_follows
from train.recipes import PooledHead, Recipe
from train.slim.observed import observed_layers
from train.slim.widths import check_speedup

LEAST_SIDE = 32  # pixels, which VGG16 leaves one cell of


@dataclass(frozen=True, slots=True)
class Goal:
    """How slim: a speed-up or a width, and if wanted a smaller input.

    Attributes:
        speedup: Divide the multiply-accumulates by this, where it is missed least.
        width: Keep this share of every layer's channels.
        image_size: Side of the slim network's input, pixels; None for the original's.
        first_stride: As in `train.recipes.Recipe`.
    """

    speedup: float | None = None
    width: float | None = None
    image_size: int | None = None
    first_stride: int = 1

    def resized(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the slim network's input and first step."""
        return replace(recipe, image_size=self.image_size or recipe.image_size, first_stride=self.first_stride)


def check_goal(goal: Goal, recipe: Recipe) -> None:
    """Refuse a goal that no slim network of a recipe reaches, before hours are spent on it.

    Raises:
        GoalError: The speed-up is too high, or the input does not fit.
    """
    layers = observed_layers(recipe)
    if goal.image_size is not None:
        _check_image_size(goal.image_size, recipe)
    if goal.speedup is not None:
        prunable = layers if isinstance(recipe.head, PooledHead) else layers[:-1]  # as in `Pruner.sensitivities`
        image_size = goal.resized(recipe).image_size
        check_speedup(goal.speedup, layers, prunable, recipe.image_size, image_size, goal.first_stride)


def _check_image_size(image_size: int, recipe: Recipe) -> None:
    """Refuse an input that is larger than the original's, too small for VGG16, or whose maps do not divide evenly.

    Raises:
        GoalError: It is one of these.
    """
    if not isinstance(recipe.head, PooledHead):
        raise GoalError("a network whose head reads the maps keeps the size of its input: leave out --image-size")
    halvings = sum(pool_follows(name) for name in observed_layers(recipe)[:-1])
    step = 2**halvings * recipe.head.grid
    if not LEAST_SIDE <= image_size <= recipe.image_size or image_size % step:
        raise GoalError(
            f"an input of {image_size} pixels does not fit: give --image-size a multiple of {step} from {LEAST_SIDE} "
            f"to {recipe.image_size}"
        )
