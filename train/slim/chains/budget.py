"""How many channels each convolution of a chain keeps: as few as the budget allows, taken where they are missed least.

A speed-up divides the multiply-accumulates and the weights alike: behind a Flatten, most of a file is one Dense layer
that costs no time.
"""

from collections.abc import Mapping

from train.errors import GoalError
from train.slim.chains.chain import Chain
from train.slim.sensitivity import Sensitivity
from train.slim.widths import STEP


def highest_speedup(chain: Chain) -> float:
    """Return what the narrowest network divides multiply-accumulates and weights by at least."""
    full = chain.cost(chain.widths)
    least = chain.cost({name: min(width, STEP) for name, width in chain.widths.items()})
    return min(before / after for before, after in zip(full, least, strict=True))


def check_chain_speedup(chain: Chain, speedup: float) -> None:
    """Refuse a speed-up that no widths reach.

    Raises:
        GoalError: It is too high.
    """
    reached = highest_speedup(chain)
    if reached < speedup:
        raise GoalError(
            f"a speed-up of {speedup:g} cannot be reached: with {STEP} channels a layer, this network is {reached:.2f} "
            f"times as small; give --speedup {max(1, int(reached))} or less"
        )


def budgeted_widths(chain: Chain, sensitivities: Mapping[str, Sensitivity], speedup: float) -> dict[str, int]:
    """Return widths that divide multiply-accumulates and weights by a factor and lose little.

    Channels are taken away `STEP` at a time, always where the least variance is lost for what is saved of that which
    is still too much.

    Raises:
        GoalError: The narrowest network is not slim enough.
    """
    check_chain_speedup(chain, speedup)
    widths = chain.widths
    budget = [cost / speedup for cost in chain.cost(widths)]
    while any(excess := [max(cost - allowed, 0) for cost, allowed in zip(chain.cost(widths), budget, strict=True)]):
        now, steps = chain.cost(widths), []
        for name, sensitivity in sensitivities.items():
            if widths[name] <= STEP:
                continue
            narrower = (widths[name] - 1) // STEP * STEP
            then = chain.cost(widths | {name: narrower})
            saved = sum(
                (before - after) / over for before, after, over in zip(now, then, excess, strict=True) if over > 0
            )
            lost = sensitivity.error_at(narrower) - sensitivity.error_at(widths[name])
            steps.append((lost / saved, name, narrower))
        _, name, narrower = min(steps)
        widths = widths | {name: narrower}
    return widths


def even_widths(chain: Chain, share: float) -> dict[str, int]:
    """Return the same share of every convolution's channels, in multiples of `STEP`; share is above 0 and at most 1."""
    return {name: min(width, max(STEP, round(width * share / STEP) * STEP)) for name, width in chain.widths.items()}
