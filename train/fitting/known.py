"""Fit what tells the classes from everything else: from strangers, or without any.

With strangers it is a logistic regression with one class more, "none of these", on the object's features and on
those of the whole scene: the object tells another stone, the scene a thing. Without, it is how little the classes
themselves respond. Either way the familiarity of the scene tells what is unlike anything learned from.
"""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from train.data.dataset import Strangers
from train.fitting.head import LinearHead, familiarity, fit_rows
from train.metrics import Floats, Ints
from train.networks.known import KNOWN, KNOWN_LOGITS
from train.recipes import KnownHead

# Chosen on gems: the free energy is as familiar as not 1.5 deviations below that of photos of the classes.
FREE_ENERGY_STEEPNESS = 3.0
FREE_ENERGY_OFFSET = 1.5
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class KnownOutput:
    """The weights behind the output `known`, as `train.networks.known.Known` has them.

    Attributes:
        kernel: `float32 [2 D, C + 2]`: the object's features, then the scene's.
        bias: `float32 [C + 2]`: of the classes, of "none of these" and of familiarity.
        scale: Of the difference between the classes' free energy and "none of these".
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    scale: float = 1.0

    def known(self, features: Floats) -> Floats:
        """Return `[N]` in 0–1 for features `[N, 2 D]`."""
        outputs = features @ self.kernel + self.bias
        energy = logsumexp(outputs[:, :-2], axis=1)
        known: Floats = expit(self.scale * (energy - outputs[:, -2])) * expit(outputs[:, -1])
        return known

    def put_into(self, network: keras.Model) -> None:
        """Copy the weights into a network of the same recipe."""
        network.get_layer(KNOWN_LOGITS).set_weights([self.kernel, self.bias])
        network.get_layer(KNOWN).set_weights([np.float32(self.scale)])


def fit_known(
    views: tuple[Floats, Ints, Floats],
    stranger_views: tuple[Floats, Floats],
    num_classes: int,
    inverse_l2: float,
) -> KnownOutput:
    """Learn from strangers.

    Args:
        views: Features `[views, N, 2 D]`, the first view unchanged, class indices `[N]` and weights `[N]` of photos of
            the classes.
        stranger_views: Features `[views, S, 2 D]` and weights `[S]` of strangers; scaled so that all of them
            together weigh as much as all photos of the classes.
        num_classes: C.
        inverse_l2: scikit-learn's C, on standardized features.
    """
    features, targets, weights = views
    strange, strange_weights = stranger_views
    strange_weights = strange_weights * (weights.sum() * len(features)) / (strange_weights.sum() * len(strange))
    head = fit_rows(
        np.concatenate([features.reshape(-1, features.shape[-1]), strange.reshape(-1, strange.shape[-1])]),
        np.concatenate([np.tile(targets, len(features)), np.full(strange.shape[0] * strange.shape[1], num_classes)]),
        np.concatenate([np.tile(weights, len(features)), np.tile(strange_weights, len(strange))]),
        inverse_l2,
    )
    return _with_familiarity(head.kernel, head.bias, features[0])


def free_energy_scale(logits: Floats) -> tuple[float, float]:
    """Return the free energy at which a picture is as familiar as not, and the scale of the differences from it.

    Args:
        logits: Answers for photos of the classes that were held out, `[N, C]`.
    """
    energies = logsumexp(logits, axis=1)
    deviation = max(float(energies.std()), _LEAST_DEVIATION)
    return float(energies.mean()) - FREE_ENERGY_OFFSET * deviation, FREE_ENERGY_STEEPNESS / deviation


def free_energy_known(head: LinearHead, logits: Floats, features: Floats) -> KnownOutput:
    """Tell the classes by the free energy of their logits, without strangers to learn from.

    Args:
        head: The classes' own, on `[N, D]`.
        logits: Answers of such heads for photos of the classes that were held out, `[N, C]`.
        features: Of the photos that the head was fitted on, `[N, 2 D]`.
    """
    none, scale = free_energy_scale(logits)
    kernel = np.zeros((2 * len(head.kernel), len(head.bias) + 1), np.float32)
    kernel[: len(head.kernel), :-1] = head.kernel
    return _with_familiarity(kernel, np.append(head.bias, np.float32(none)), features, scale)


def _with_familiarity(
    kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], features: Floats, scale: float = 1.0
) -> KnownOutput:
    """Add the familiarity of the scene, whose features are the second half of `[N, 2 D]`."""
    direction, offset = familiarity(features[:, features.shape[1] // 2 :])
    column = np.concatenate([np.zeros(len(kernel) - len(direction)), direction])
    return KnownOutput(np.column_stack([kernel, column]).astype(np.float32), np.append(bias, np.float32(offset)), scale)


def stranger_weights(strangers: Strangers, settings: KnownHead) -> Floats:
    """Return the weight of each stranger, `[S]`: its part's, or the same in total for each part if none is set."""
    parts = np.array([sourced.part for sourced in strangers.photos])
    if any(part in settings.part_weights for part in parts):
        return np.array([settings.part_weights.get(part, 1.0) for part in parts])
    names, counts = np.unique(parts, return_counts=True)
    return 1.0 / counts[np.searchsorted(names, parts)]
