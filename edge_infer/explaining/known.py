"""Divide `known` over places, exactly, although it is no sum.

A log-sum-exp equals the average of its terms under its own softmax, plus that softmax's entropy: for
`p = softmax(u)`, `log sum_c exp(u_c) = sum_c p_c u_c + H(p)`. The factors p are also its gradient. `known` is made of
two of them: the energy `L = scale (log sum_c exp(u_c) - u_none)`, and `known = sigmoid(L) sigmoid(F)`, whose log odds
are `-log(exp(-L) + exp(-F) + exp(-L-F))`. So these are a weighted sum of the logits u and a constant.
"""

import numpy as np
import numpy.typing as npt

from edge_infer.explaining.attribution import Divided, Floats


def divide_known(logits: Divided, scale: float) -> Divided:
    """Return the log odds of `known`, divided.

    Args:
        logits: Those of the classes, of "none of these" and of familiarity.
        scale: As in `edge_infer.explaining.head.KnownHead`.
    """
    u = logits.values.astype(np.float64)
    classes, none, familiar = len(u) - 2, len(u) - 2, len(u) - 1
    p, entropy = _softmax(u[:classes])
    energy = energy_of(logits.values, scale)
    q, doubt = _softmax(-np.array([energy, u[familiar], energy + u[familiar]]))
    by_energy, by_familiar = float(q[0] + q[2]) * scale, float(q[1] + q[2])
    factors = {c: by_energy * float(p[c]) for c in range(classes)}
    return logits.weighted({**factors, none: -by_energy, familiar: by_familiar}, by_energy * entropy - doubt)


def energy_of(u: Floats, scale: float) -> float:
    """Return `scale (log sum_c exp(u_c) - u_none)`."""
    classes = u[:-2].astype(np.float64)
    return scale * float(classes.max() + np.log(np.exp(classes - classes.max()).sum()) - u[-2])


def _softmax(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Return the softmax and its entropy."""
    p = np.exp(values - values.max())
    p /= p.sum()
    return p, float(-(p * np.log(np.maximum(p, 1e-300))).sum())
