import numpy as np
import pytest

from train.errors import GoalError
from train.networks.vgg16 import FULL_WIDTHS, conv_layers, count_macs
from train.recipes import RECIPES, Recipe
from train.slim.goal import Goal, check_goal
from train.slim.sensitivity import Sensitivity
from train.slim.widths import uniform_widths, widths_for_speedup
from train.slim.within_drop import SPEEDUPS

LAYERS = conv_layers("block2_conv2")
SIDE_PX = 32


def sensitivity(width: int, lost_at_half: float) -> Sensitivity:
    return Sensitivity(np.arange(width), (width // 4, width // 2, width), (4 * lost_at_half, lost_at_half, 0.0))


def test_vgg16_costs_what_its_authors_say():
    # 15.3 GMAC for the convolutions at 224x224 (Simonyan & Zisserman 2014; 15.5 with the Dense layers).
    assert count_macs(tuple(FULL_WIDTHS.values()), 224) == 15_346_630_656


def test_steps_of_two_pixels_quarter_the_first_block_alone():
    first_block, second = 32 * 32 * 9 * (3 * 16 + 16 * 16), 16 * 16 * 9 * 16 * 32
    assert count_macs((16, 16, 32), 32) == first_block + second
    assert count_macs((16, 16, 32), 32, first_stride=2) == first_block // 4 + second


def test_a_uniform_width_is_a_multiple_of_sixteen():
    assert uniform_widths(LAYERS, 0.5) == (32, 32, 64, 64)
    assert uniform_widths(LAYERS, 0.4) == (32, 32, 48, 48)
    assert uniform_widths(LAYERS, 0.01) == (16, 16, 16, 16)
    assert uniform_widths(LAYERS, 0.5, frozenset({"block2_conv2"})) == (32, 32, 64, 128)


@pytest.mark.parametrize("speedup", [1.5, 4.0, 10.0])
def test_the_budget_is_kept(speedup: float):
    sensitivities = {name: sensitivity(FULL_WIDTHS[name], 0.1) for name in LAYERS}
    full = count_macs(tuple(FULL_WIDTHS[name] for name in LAYERS), SIDE_PX)
    widths = widths_for_speedup(sensitivities, LAYERS, SIDE_PX, SIDE_PX, speedup)
    assert count_macs(widths, SIDE_PX) <= full / speedup
    assert all(width % 16 == 0 and width >= 16 for width in widths)


def test_channels_go_where_they_are_missed_least():
    sensitivities = {name: sensitivity(FULL_WIDTHS[name], 0.1) for name in LAYERS}
    sensitivities["block2_conv1"] = sensitivity(128, 0.0001)
    widths = dict(zip(LAYERS, widths_for_speedup(sensitivities, LAYERS, SIDE_PX, SIDE_PX, 3), strict=True))
    assert widths["block2_conv1"] < widths["block2_conv2"]


def test_a_layer_that_may_not_be_pruned_keeps_its_channels():
    sensitivities = {name: sensitivity(FULL_WIDTHS[name], 0.1) for name in LAYERS[:-1]}
    assert widths_for_speedup(sensitivities, LAYERS, SIDE_PX, SIDE_PX, 8)[-1] == 128


def test_the_highest_speedup_is_reached_and_a_higher_one_is_refused_by_name():
    sensitivities = {name: sensitivity(FULL_WIDTHS[name], 0.1) for name in LAYERS}
    full = count_macs(tuple(FULL_WIDTHS[name] for name in LAYERS), SIDE_PX)
    highest = full / count_macs((16, 16, 16, 16), SIDE_PX)  # 10,432 / 432 at any size
    assert widths_for_speedup(sensitivities, LAYERS, SIDE_PX, SIDE_PX, highest) == (16, 16, 16, 16)
    with pytest.raises(
        GoalError,
        match=r"^a speed-up of 24\.5 cannot be reached: .* has 24\.15 times fewer .*; give --speedup 24 or less$",
    ):
        widths_for_speedup(sensitivities, LAYERS, SIDE_PX, SIDE_PX, 24.5)


@pytest.mark.parametrize(("name", "highest"), [("gems", 68), ("gender", 62), ("gems-improved", 64), ("gender-l2", 62)])
def test_what_a_recipe_reaches_is_known_before_anything_is_computed(name: str, highest: int):
    check_goal(Goal(speedup=highest), RECIPES[name])
    check_goal(Goal(width=0.01), RECIPES[name])
    with pytest.raises(GoalError, match=f"give --speedup {highest} or less"):
        check_goal(Goal(speedup=highest + 1), RECIPES[name])


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_reaches_what_max_drop_tries(recipe: Recipe):
    check_goal(Goal(speedup=max(SPEEDUPS)), recipe)
