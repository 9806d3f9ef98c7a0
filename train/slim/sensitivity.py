"""Which channels matter, and how much is lost without the others.

A channel matters by what it adds to whatever reads it: the next convolution, the head, or both.
A reader is a linear map of some inputs, so everything about it that counts here is the inputs'
covariance and the map's weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.linalg

from train.slim.patches import Doubles

RIDGE = 1e-4  # of the inputs' mean variance: keeps the equations solvable where channels are alike
_SHARES = (1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4)
_NOTHING = 1e-12

Channels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reader:
    """A linear map of a layer's channels.

    Attributes:
        covariance: Of its inputs on the task's photos, `float64 [C * block, C * block]`; a channel's
            inputs lie together.
        weights: `float64 [C * block, n]`.
        block: Inputs a channel: 9 for a 3x3 convolution, the parts of the grid for a pooled head.
        products: Covariance of each input with the output, `float64 [C * block, n]`; multiplied once, since every
            width asks for it.
    """

    covariance: Doubles
    weights: Doubles
    block: int
    products: Doubles = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Multiply."""
        object.__setattr__(self, "products", self.covariance @ self.weights)

    @property
    def output_variance(self) -> float:
        """Variance of the output, summed over its values."""
        return float((self.weights * self.products).sum())

    def contributions(self) -> Doubles:
        """Return the inner products of what each channel adds to the output, `[C, C]`, summing to 1."""
        channels = len(self.covariance) // self.block
        products = self.covariance * (self.weights @ self.weights.T)
        gram = products.reshape(channels, self.block, channels, self.block).sum(axis=(1, 3))
        shares: Doubles = gram / max(self.output_variance, _NOTHING)
        return shares

    def error(self, kept: Channels) -> float:
        """Return the share of the output's variance, 0-1, that the best weights on some channels leave over."""
        rows = (kept[:, np.newaxis] * self.block + np.arange(self.block)).ravel()
        inner, target = self.covariance[np.ix_(rows, rows)], self.products[rows]
        ridge, solution = ridge_of(inner), solve_ridge(inner, target)
        # `2 * target - inner @ solution`, without another product: the solution solves the equations with the ridge.
        explained = float((solution * (target + ridge * solution)).sum())
        return float(np.clip(1 - explained / max(self.output_variance, _NOTHING), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What pruning one layer costs.

    Attributes:
        order: Its output channels, the most useful first.
        widths: Numbers of channels at which the loss was measured, ascending.
        errors: Share of the readers' output variance lost at each, summed over the readers.
    """

    order: Channels
    widths: tuple[int, ...]
    errors: tuple[float, ...]

    def keep(self, width: int) -> Channels:
        """Return the channels to keep, in the layer's own order."""
        return np.sort(self.order[:width])

    def error_at(self, width: int) -> float:
        """Return the loss at any width, interpolated on logarithmic axes."""
        return float(np.exp(np.interp(np.log(width), np.log(self.widths), np.log(np.maximum(self.errors, 1e-6)))))


def measure_sensitivity(readers: Sequence[Reader]) -> Sensitivity:
    """Order a layer's channels and measure the loss at some widths.

    Args:
        readers: Whatever reads the layer.
    """
    order = channel_order(np.sum([reader.contributions() for reader in readers], axis=0))
    widths = tuple(sorted({max(1, round(share * len(order))) for share in _SHARES}))
    errors = tuple(sum(reader.error(order[:width]) for reader in readers) for width in widths)
    return Sensitivity(order, (*widths, len(order)), (*errors, 0.0))  # all channels lose nothing


def channel_order(gram: Doubles) -> Channels:
    """Order channels so that the first k together come close to the sum of all, for every k.

    Orthogonal matching pursuit (Mallat & Zhang 1993; Pati et al. 1993): always the channel that
    explains most of what is still missing.

    Args:
        gram: Inner products of what each channel adds, `[C, C]`.
    """
    left, missing = gram.copy(), gram.sum(axis=1)
    floor = _NOTHING * max(float(np.diag(gram).max()), _NOTHING)
    order: list[int] = []
    for _ in range(len(gram)):
        own = np.diag(left)
        gain = np.where(own > floor, missing**2 / np.maximum(own, floor), 0.0)
        gain[order] = -1.0
        best = int(gain.argmax())
        order.append(best)
        if own[best] > floor:
            share = left[best] / own[best]
            missing = missing - missing[best] * share
            left = left - np.outer(left[best], share)
    return np.array(order)


def solve_ridge(covariance: Doubles, target: Doubles) -> Doubles:
    """Solve `covariance @ x = target` with a small ridge."""
    ridged = covariance.copy()
    ridged.flat[:: len(ridged) + 1] += ridge_of(covariance)
    # Symmetric, so its transpose is itself, in the memory order that LAPACK overwrites instead of copying.
    factor = scipy.linalg.cho_factor(ridged.T, lower=True, overwrite_a=True)
    solution: Doubles = scipy.linalg.cho_solve(factor, target)
    return solution


def ridge_of(covariance: Doubles) -> float:
    """Return what `solve_ridge` adds to the diagonal."""
    return float(RIDGE * np.trace(covariance) / len(covariance) + _NOTHING)
