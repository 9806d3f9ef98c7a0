"""The log odds of `known` as a weighted sum of logits: an identity, not an approximation."""

import numpy as np
import pytest

from edge_infer.explaining.attribution import Divided
from edge_infer.explaining.known import divide_known


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("size", [0.1, 3.0, 30.0])
def test_the_weighted_logits_are_the_log_odds(size: float, scale: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        u = rng.normal(0, size, 6).astype(np.float32)
        cells = rng.normal(0, 1, (6, 2, 3)).astype(np.float32)
        found = divide_known(Divided(u, cells, u - cells.sum(axis=(1, 2))), scale)
        energy = scale * (np.logaddexp.reduce(u[:4].astype(float)) - u[4])
        # log(k / (1 - k)) with k = sigmoid(energy) sigmoid(u_familiar), without overflow
        expected = -np.logaddexp.reduce([-energy, -u[5], -energy - u[5]])
        assert found.values[0] == pytest.approx(expected, abs=1e-4 * max(1, size))
        assert found.cells[0].sum() + found.bias[0] == pytest.approx(expected, abs=1e-4 * max(1, size))
