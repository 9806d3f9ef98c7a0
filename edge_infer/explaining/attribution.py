"""Divide the logits of a Dense layer over the places that its features were pooled from.

A feature f_d is made of a pooled channel, `s_d = sum_i w_i x_id` over the cells i of a map: the plain or weighted
average, root-normalized or not. The logit of class c is `b_c + sum_d k_dc f_d`, and `f_d = sum_i (w_i x_id / s_d) f_d`,
so cell i gets `sum_d k_dc f_d w_i x_id / s_d`. All cells and the bias add up to the logit, whatever made f_d of s_d:
that is completeness. Without a root it is the class activation map of Zhou et al. (2016); with it, the proportional
rule of layer-wise relevance propagation for non-negative inputs (Bach et al. 2015, z-rule), applied to the last layer.

Root-normalized features have unit length. So a constant is a sum over them too, `b = sum_d b f_d^2`, and is divided
like them, by the energy of the cells. A kernel that makes up for a large negative bias would otherwise paint every place
in favour of its class. Divided so is what is constant in the picture: the bias, and channels that are silent everywhere.

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

    def difference(self, first: int, second: int) -> "Divided":
        """Return how the first value is larger than the second, as a single value."""
        return self.weighted({first: 1.0, second: -1.0})

    def weighted(self, factors: dict[int, float], more: float = 0.0) -> "Divided":
        """Return a weighted sum of the values, and a constant, as a single value."""
        chosen, weights = list(factors), np.array(list(factors.values()), np.float32)
        return Divided(
            np.atleast_1d(weights @ self.values[chosen] + np.float32(more)),
            np.tensordot(weights, self.cells[chosen], 1)[np.newaxis],
            None if self.bias is None else np.atleast_1d(weights @ self.bias[chosen] + np.float32(more)),
        )


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
        blurred = moved / 2
        blurred[..., 1:] += moved[..., :-1] / 4
        blurred[..., :-1] += moved[..., 1:] / 4
        blurred[..., 0] += moved[..., 0] / 4
        blurred[..., -1] += moved[..., -1] / 4
        cells = np.moveaxis(blurred, -1, axis)
    return np.ascontiguousarray(cells)


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
            by_activation = share[speaks] / pooled[speaks, np.newaxis]
            cells[:, *block] = ((by_activation.T @ maps[speaks]) * weights).reshape(classes, block_h, block_w)
    return cells, rest
