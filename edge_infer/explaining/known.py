"""Divide `known` over places, exactly, although it is not a sum.

A log-sum-exp equals the average of its terms under its own softmax, plus that softmax's entropy: for
`p = softmax(u)`, `log sum_c exp(u_c) = sum_c p_c u_c + H(p)`. The factors p are also its gradient. `known` is made of
two of them: the energy `L = scale (log sum_c exp(u_c) - u_none)`, and `known = sigmoid(L) sigmoid(F)`, whose log odds
are `-log(exp(-L) + exp(-F) + exp(-L-F))`. So these are a weighted sum of the logits u and a constant.
"""

import numpy as np
import numpy.typing as npt

from edge_infer.explaining.attribution import Divided, Floats, Reasons


def divide_known(logits: Reasons, scale: float) -> Divided:
    """Return the log odds of `known`, divided.

    Args:
        logits: Those of the classes, of "none of these" and of familiarity.
        scale: As in `edge_infer.explaining.head.KnownHead`.
    """
    u = logits.values.astype(np.float64)
    p, entropy = _softmax(u[:-2])
    energy = energy_of(logits.values, scale)
    q, doubt = _softmax(-np.array([energy, u[-1], energy + u[-1]]))
    by_energy, by_familiar = float(q[0] + q[2]) * scale, float(q[1] + q[2])
    factors = np.array([*(by_energy * p), -by_energy, by_familiar], np.float32)[:, np.newaxis]
    return logits.weighted(factors, np.array([by_energy * entropy - doubt], np.float32))


def energy_of(u: Floats, scale: float) -> float:
    """Return `scale (log sum_c exp(u_c) - u_none)`."""
    classes = u[:-2].astype(np.float64)
    return scale * float(classes.max() + np.log(np.exp(classes - classes.max()).sum()) - u[-2])


def _softmax(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Return the softmax and its entropy."""
    p = np.exp(values - values.max())
    p /= p.sum()
    return p, float(-(p * np.log(np.maximum(p, 1e-300))).sum())
