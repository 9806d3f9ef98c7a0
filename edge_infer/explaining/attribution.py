"""Divide the logits of a Dense layer over the places that its features were pooled from.

A feature f_d is made of a pooled channel, `s_d = sum_i w_i x_id` over the cells i of a map: the plain or weighted
average, root-normalized or not. The logit of class c is `b_c + sum_d k_dc f_d`, and `f_d = sum_i (w_i x_id / s_d) f_d`,
so cell i gets `sum_d k_dc f_d w_i x_id / s_d`. All cells and the bias add up to the logit, whatever made f_d of s_d:
that is completeness. Without a root it is the class activation map of Zhou et al. (2016); with it, the proportional
rule of layer-wise relevance propagation for non-negative inputs (Bach et al. 2015, z-rule), applied to the last layer.

Root-normalized features have unit length. So a constant is a sum over them too, `b = sum_d b f_d^2`, and is divided
like them, by the energy of the cells. A kernel that makes up for a large negative bias would otherwise paint every
place in favour of its class. So are channels that are silent in the whole picture, which are constants, too.

Receptive fields are wider than cells, so each share is at last spread over its neighbours, by 1 2 1 along both axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_infer.explaining.spreading import Map, spread

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Maps of one picture, and what the Dense layer read of them.

    Attributes:
        maps: `float32 [C, h, w]`.
        weights: Of each cell, `float32 [h, w]`.
        features: `float32 [C * g * g]`: of g by g blocks of cells of each channel.
        grid: g.
        is_linear: Whether the features are the averages themselves: then maps may be negative too.
    """

    maps: Floats
    weights: Floats
    features: Floats
    grid: int = 1
    is_linear: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """Values of a picture, divided over its places; for exact ones `cells.sum() + bias == values`.

    Attributes:
        values: Logits, `float32 [K]`.
        cells: Each place's share of each, `float32 [K, h, w]`.
        bias: What no place has a share in, `float32 [K]`: the Dense layer's, or 0 for root-normalized features. None
            where shares were measured and add up to nothing.
    """

    values: Floats
    cells: Map
    bias: Floats | None

    def weighted(self, factors: Floats, constants: Floats | None = None) -> "Divided":
        """Return weighted sums of the values, divided.

        Args:
            factors: Of each value in each sum, `float32 [K, M]`.
            constants: Added to the sums, `float32 [M]`; by default nothing.
        """
        added = np.zeros(factors.shape[1], np.float32) if constants is None else constants
        return Divided(
            self.values @ factors + added,
            np.tensordot(factors.T, self.cells, 1),
            None if self.bias is None else self.bias @ factors + added,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Undivided:
    """Logits of a picture, and what it takes to divide them: only those sums that are asked for are divided.

    Attributes:
        values: `float32 [K]`.
        kernel: Of the Dense layer that gave them, `float32 [D, K]`.
        bias: `float32 [K]`.
        parts: What makes up the D features, in order.
    """

    values: Floats
    kernel: Floats
    bias: Floats
    parts: Sequence[Part]

    def weighted(self, factors: Floats, constants: Floats | None = None) -> Divided:
        """Return weighted sums of the logits, divided; arguments as in `Divided.weighted`."""
        added = np.zeros(factors.shape[1], np.float32) if constants is None else constants
        return divide(self.values @ factors + added, self.kernel @ factors, self.bias @ factors + added, self.parts)


Reasons = Divided | Undivided


def divide(logits: Floats, kernel: Floats, bias: Floats, parts: Sequence[Part]) -> Divided:
    """Divide the logits of one picture.

    Args:
        logits: `float32 [K]`.
        kernel: `float32 [D, K]`.
        bias: `float32 [K]`.
        parts: What makes up the D features, in order. The finest maps give the grid; coarser ones are interpolated.
    """
    finest = max((part.maps.shape[1:] for part in parts), key=lambda shape: shape[0] * shape[1])
    cells, rest = np.zeros((len(logits), *finest), np.float32), bias.astype(np.float32)
    energies = []
    row = 0
    for part in parts:
        used = kernel[row : row + len(part.features)]
        row += len(part.features)
        # One more column: the feature itself, which gives the energy of its cells.
        shares, silent = _divide_part(part, np.concatenate([used, part.features[:, np.newaxis]], axis=1))
        shares = shares if shares.shape[1:] == finest else spread(shares, finest[::-1])
        cells += shares[:-1]
        rest = rest + silent[:-1]
        if not part.is_linear and shares[-1].any():
            energies.append(shares[-1] / shares[-1].sum())
    if energies:
        cells += rest[:, np.newaxis, np.newaxis] * np.mean(energies, axis=0)
        rest = np.zeros_like(rest)
    return Divided(logits, _blurred(cells), rest)


def _blurred(cells: Map) -> Map:
    """Give a quarter of each share to either neighbour along both axes; at the edge a quarter stays."""
    for axis in (-2, -1):
        moved = np.moveaxis(cells, axis, -1)
        blurred = moved * np.float32(0.5)
        blurred[..., 1:] += moved[..., :-1] / 4
        blurred[..., :-1] += moved[..., 1:] / 4
        blurred[..., 0] += moved[..., 0] / 4
        blurred[..., -1] += moved[..., -1] / 4
        cells = np.moveaxis(blurred, -1, axis)
    return np.ascontiguousarray(cells, dtype=np.float32)


def _divide_part(part: Part, kernel: Floats) -> tuple[Map, Floats]:
    channels, height, width = part.maps.shape
    classes, grid = kernel.shape[1], part.grid
    block_h, block_w = height // grid, width // grid
    features = part.features.reshape(channels, grid, grid)
    kernels = kernel.reshape(channels, grid, grid, classes)
    cells, rest = np.zeros((classes, height, width), np.float32), np.zeros(classes, np.float32)
    for row in range(grid):
        for column in range(grid):
            block = (slice(row * block_h, (row + 1) * block_h), slice(column * block_w, (column + 1) * block_w))
            maps, weights = part.maps[:, *block].reshape(channels, -1), part.weights[block].reshape(-1)
            share = kernels[:, row, column] * features[:, row, column, np.newaxis]  # [C, K]
            pooled = weights.sum() * features[:, row, column] if part.is_linear else maps @ weights
            speaks = pooled != 0 if part.is_linear else pooled > 0
            rest += share[~speaks].sum(axis=0)
            by_activation = np.where(speaks, 1 / np.where(speaks, pooled, 1), 0)[:, np.newaxis] * share
            cells[:, *block] = ((by_activation.T @ maps) * weights).reshape(classes, block_h, block_w)
    return cells, rest
