"""How many channels each layer keeps: as few as a budget allows, taken where they are missed least."""

from collections.abc import Iterable, Mapping

from train.errors import GoalError
from train.networks.vgg16 import FULL_WIDTHS, count_macs
from train.slim.sensitivity import Sensitivity

STEP = 16  # int8 kernels work on 16 channels at a time; other widths cost as much as the next multiple


def uniform_widths(layers: tuple[str, ...], share: float, fixed: frozenset[str] = frozenset()) -> tuple[int, ...]:
    """Return the same share of every layer's channels, in multiples of `STEP`.

    Args:
        layers: The network's convolutions, in order.
        share: Above 0 and at most 1.
        fixed: Layers that keep all channels.
    """
    return tuple(
        FULL_WIDTHS[name] if name in fixed else max(STEP, round(FULL_WIDTHS[name] * share / STEP) * STEP)
        for name in layers
    )


def check_speedup(
    speedup: float,
    layers: tuple[str, ...],
    prunable: Iterable[str],
    full_size: int,
    image_size: int,
    first_stride: int = 1,
) -> None:
    """Refuse a speed-up that no widths reach.

    Args:
        speedup: Factor, at least 1.
        layers: The network's convolutions, in order.
        prunable: Those of them that may be pruned.
        full_size: Side of the full network's input, pixels.
        image_size: Of the slim one's.
        first_stride: Of the slim one, as in `train.recipes.Recipe`.

    Raises:
        GoalError: It is too high.
    """
    largest = largest_speedup(layers, prunable, full_size, image_size, first_stride)
    if speedup > largest:
        raise GoalError(
            f"a speed-up of {speedup:g} cannot be reached: with {STEP} channels wherever any can be taken away, this "
            f"network has {largest:.2f} times fewer multiply-accumulates; give --speedup {int(largest)} or less"
        )


def largest_speedup(
    layers: tuple[str, ...], prunable: Iterable[str], full_size: int, image_size: int, first_stride: int = 1
) -> float:
    """Return how many times fewer multiply-accumulates the narrowest network has; arguments as in `check_speedup`."""
    full = {name: FULL_WIDTHS[name] for name in layers}
    narrowest = full | dict.fromkeys(prunable, STEP)
    return count_macs(tuple(full.values()), full_size) / count_macs(tuple(narrowest.values()), image_size, first_stride)


def widths_for_speedup(
    sensitivities: Mapping[str, Sensitivity],
    layers: tuple[str, ...],
    full_size: int,
    image_size: int,
    speedup: float,
    first_stride: int = 1,
) -> tuple[int, ...]:
    """Return widths that divide the multiply-accumulates by a factor and lose little.

    Channels are taken away `STEP` at a time, always where the least variance is lost for the
    multiply-accumulates saved.

    Args:
        sensitivities: Of the layers that may be pruned.
        layers: The network's convolutions, in order.
        full_size: Side of the full network's input, pixels.
        image_size: Of the slim one's.
        speedup: Factor, at least 1.
        first_stride: Of the slim one, as in `train.recipes.Recipe`.

    Raises:
        GoalError: The narrowest network is not fast enough.
    """
    check_speedup(speedup, layers, sensitivities, full_size, image_size, first_stride)
    widths = {name: FULL_WIDTHS[name] for name in layers}
    budget = count_macs(tuple(widths.values()), full_size) / speedup
    macs = count_macs(tuple(widths.values()), image_size, first_stride)
    while macs > budget:
        steps = []
        for name, sensitivity in sensitivities.items():
            narrower = widths[name] - STEP
            if narrower < STEP:
                continue
            saved = macs - count_macs(tuple((widths | {name: narrower}).values()), image_size, first_stride)
            lost = sensitivity.error_at(narrower) - sensitivity.error_at(widths[name])
            steps.append((lost / saved, name))
        widths[min(steps)[1]] -= STEP
        macs = count_macs(tuple(widths.values()), image_size, first_stride)
    return tuple(widths.values())
