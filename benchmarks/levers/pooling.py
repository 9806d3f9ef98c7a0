"""Ways to make one feature vector of a feature map, and what each cell of the map adds to a class.

A mean over the picture mixes the stone with its ground. Cells weigh more near the centre, or where the network
responds more: neither costs another pass of the network.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from train.metrics import Floats

_EPSILON = 1e-12
_GEM_POWER = 3
_CENTRE = 10 / 14  # of the map's side

Pooling = Callable[[Floats], Floats]  # maps [N, h, w, C] -> [N, C]


def cell_weights(maps: Floats, exponent: float, sigma: float | None) -> Floats:
    """Return how much each cell counts, `[N, h, w]`, summing to 1.

    Args:
        maps: `[N, h, w, C]`, not negative.
        exponent: A cell counts by the sum of its channels, to this power.
        sigma: It counts by a Gaussian around the centre too, of this standard deviation in shares of the side.
    """
    energy = maps.sum(axis=-1)
    peak = energy.max(axis=(1, 2), keepdims=True)
    # A picture that the network does not respond to at all is averaged. Dividing first keeps powers in range.
    weights = np.where(peak > 0, energy / np.where(peak > 0, peak, 1), 1.0) ** exponent
    if sigma is not None:
        weights = weights * np.outer(*(_gaussian(side, sigma) for side in maps.shape[1:3]))
    normalized: Floats = weights / weights.sum(axis=(1, 2), keepdims=True)
    return normalized


def weighted_mean(maps: Floats, exponent: float = 0.0, sigma: float | None = None) -> Floats:
    """Return the mean of the cells by `cell_weights`: `[N, C]`."""
    pooled: Floats = np.einsum("nhwc,nhw->nc", maps, cell_weights(maps, exponent, sigma))
    return pooled


def centre_mean(maps: Floats) -> Floats:
    """Return the mean of the middle cells, ten of fourteen along each side."""
    rows, columns = (slice(margin, side - margin) for side in maps.shape[1:3] for margin in [_margin(side)])
    pooled: Floats = maps[:, rows, columns].mean(axis=(1, 2))
    return pooled


def power_mean(maps: Floats) -> Floats:
    """Return the cube root of the mean cube (GeM: Radenović, Tolias, Chum 2018)."""
    pooled: Floats = (maps.astype(np.float64) ** _GEM_POWER).mean(axis=(1, 2)) ** (1 / _GEM_POWER)
    return pooled


POOLINGS: dict[str, Pooling] = {
    "mean": weighted_mean,
    "centre": centre_mean,
    "gaussian": partial(weighted_mean, sigma=0.3),
    "gem": power_mean,
    "energy": partial(weighted_mean, exponent=1),
    "energy2": partial(weighted_mean, exponent=2),
    "energy-gaussian": partial(weighted_mean, exponent=1, sigma=0.3),
    "eg2": partial(weighted_mean, exponent=2, sigma=0.3),
}


def class_map(maps: Floats, kernel: Floats) -> Floats:
    """Return what each cell adds to a class's logit, `[h, w]`; the sum is the logit less its bias.

    Args:
        maps: Of one photo, `[h, w, C]`, averaged over all cells, root-normalized.
        kernel: The class's weights of these features, `[C]`.
    """
    mean = np.maximum(maps.mean(axis=(0, 1)), _EPSILON)
    feature = np.sqrt(mean) / np.sqrt(mean.sum())
    added: Floats = maps @ (kernel * feature / mean) / (maps.shape[0] * maps.shape[1])
    return added


def _gaussian(side: int, sigma: float) -> Floats:
    offsets = np.arange(side) - (side - 1) / 2
    weights: Floats = np.exp(-0.5 * (offsets / (sigma * side)) ** 2)
    return weights


def _margin(side: int) -> int:
    return round(side * (1 - _CENTRE) / 2)
