"""From the values that a run gives to the parts of a head, once a probe has shown that the graph is what it seems."""

from collections.abc import Iterator, Mapping

import numpy as np

from edge_infer.explaining.attribution import Floats, Part, Undivided
from edge_infer.explaining.head import Head, Pooled

Values = Mapping[str, Floats]

_TOLERANCE = 1e-3  # of float sums in another order, as a share of the largest value


class NotDivisibleError(Exception):
    """A head that looked as if it could be divided cannot be: its values are not what was taken for granted."""


def probed(head: Head) -> Iterator[str]:
    """Yield the names of all values that a `HeadReader` asks a probe for."""
    yield from (head.logits, head.features, head.kernel)
    if head.bias is not None:
        yield head.bias
    for part in head.parts:
        yield from (name for name in (part.maps, part.pooled, part.weights, part.shrunk, part.features) if name)


class HeadReader:
    """Reads what it takes to divide the logits of one head.

    Args:
        head: The head.
        probe: The values named by `probed` for a few pictures, with the constants.

    Attributes:
        values: Names of the values that `read` reads.

    Raises:
        NotDivisibleError: The values contradict the head.
    """

    def __init__(self, head: Head, probe: Values) -> None:
        self._head = head
        pooled = (name for part in head.parts for name in (part.maps, part.weights) if name)
        self.values = tuple(dict.fromkeys([head.logits, head.features, *pooled]))
        kernel, width = probe[head.kernel].astype(np.float32), probe[head.features].shape[1]
        if kernel.ndim != 2 or width not in kernel.shape:
            raise NotDivisibleError
        self._kernel = kernel if kernel.shape[0] == width else kernel.T
        bias = np.zeros(1, np.float32) if head.bias is None else probe[head.bias].astype(np.float32).reshape(-1)
        self._bias = np.broadcast_to(bias, self._kernel.shape[1:])
        self._lengths = [probe[part.features][0].size for part in head.parts]
        self._is_linear = [_same(probe[part.features].ravel(), probe[part.pooled].ravel()) for part in head.parts]
        if sum(self._lengths) != width or any(probe[part.maps].ndim != 4 for part in head.parts):
            raise NotDivisibleError
        for picture in range(len(probe[head.logits])):
            self._check(probe, picture)

    def read(self, values: Values, picture: int) -> Undivided:
        """Return the logits of one picture of a batch, to be divided."""
        return Undivided(values[self._head.logits][picture], self._kernel, self._bias, self._parts(values, picture))

    def _parts(self, values: Values, picture: int) -> list[Part]:
        features, start, parts = values[self._head.features][picture], 0, []
        for part, length, is_linear in zip(self._head.parts, self._lengths, self._is_linear, strict=True):
            maps = values[part.maps][picture]
            grid = round((length / len(maps)) ** 0.5)
            weights = _cell_weights(part, values, picture)
            parts.append(Part(maps, weights, features[start : start + length], grid, is_linear))
            start += length
        return parts

    def _check(self, probe: Values, picture: int) -> None:
        """Recompute pooled maps and logits."""
        for pooled, part, is_linear in zip(self._head.parts, self._parts(probe, picture), self._is_linear, strict=True):
            is_negative = bool((part.maps < 0).any()) and not is_linear
            if is_negative or part.grid**2 * len(part.maps) != len(part.features):
                raise NotDivisibleError
            if not _same(_pooled(part), probe[pooled.pooled][picture].ravel()):
                raise NotDivisibleError
        expected = probe[self._head.features][picture] @ self._kernel + self._bias
        if not _same(expected, probe[self._head.logits][picture]):
            raise NotDivisibleError


def _cell_weights(part: Pooled, values: Values, picture: int) -> Floats:
    """Return the weight of each cell of the maps; those of averaged blocks go to each of their cells."""
    height, width = values[part.maps].shape[2:]
    if part.weights is None:
        return np.ones((height, width), np.float32)
    weights = values[part.weights][picture, 0]
    factor = height // weights.shape[0], width // weights.shape[1]
    if (weights.shape[0] * factor[0], weights.shape[1] * factor[1]) != (height, width):
        raise NotDivisibleError
    repeated: Floats = weights.repeat(factor[0], axis=0).repeat(factor[1], axis=1)
    return repeated


def _pooled(part: Part) -> Floats:
    channels, height, width = part.maps.shape
    blocks = (part.grid, height // part.grid, part.grid, width // part.grid)
    inside = (slice(blocks[0] * blocks[1]), slice(blocks[2] * blocks[3]))
    weights = part.weights[inside].reshape(blocks)
    maps = part.maps[:, *inside].reshape(channels, *blocks)
    pooled: Floats = ((maps * weights).sum(axis=(2, 4)) / weights.sum(axis=(1, 3))).ravel()
    return pooled


def _same(first: Floats, second: Floats) -> bool:
    if first.shape != second.shape:
        return False
    return bool(np.abs(first - second).max() <= _TOLERANCE * max(np.abs(second).max(), 1e-6))
