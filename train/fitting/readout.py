"""A slim network's features, read as what the original's would be: where its heads are fitted.

A head is fitted with a penalty on its weights, so it depends on which features it reads, even among those that are
linear functions of each other. The original's are good ones: behind a map to them, little weight does what takes much
weight on the slim network's own. The map is linear, solved without labels, and folded into the head afterwards: the
network needs no step for it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.linalg

from train.fitting.head import LEAST_SCALE, LinearHead
from train.fitting.known import KnownOutput
from train.metrics import Floats

_RIDGE = 0.003  # of a standardized feature's variance
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Readout:
    """A linear map of features.

    Attributes:
        kernel: `float32 [d, D]`.
        bias: `float32 [D]`.
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def read(self, features: Floats) -> Floats:
        """Map `[..., d]` to `[..., D]`."""
        read: Floats = features @ self.kernel + self.bias
        return read

    def fold(self, head: LinearHead) -> LinearHead:
        """Return the head on `[N, d]` that does what one on `[N, D]` does behind the map."""
        return LinearHead(*self._folded(head.kernel, head.bias))

    def fold_known(self, known: KnownOutput) -> KnownOutput:
        """Likewise."""
        kernel, bias = self._folded(known.kernel, known.bias)
        return replace(known, kernel=kernel, bias=bias)

    def _folded(
        self, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        wide = kernel.astype(np.float64)
        return (self.kernel @ wide).astype(np.float32), (self.bias @ wide + bias).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a fine-tuned original answers to pictures, with what its slim network sees in them.

    Attributes:
        sha256: Of each picture.
        features: The slim network's, `[views, N, d]`.
        logits: The original's, `[views, N, C]`.
    """

    sha256: Sequence[str]
    features: Floats
    logits: Floats

    def head(self, left_out: Collection[str]) -> LinearHead:
        """Solve the linear map from the features to the answers.

        Args:
            left_out: Pictures that it must not learn from, by their `sha256`.
        """
        learned = np.array([name not in left_out for name in self.sha256])
        rows, wanted = (of[:, learned].reshape(-1, of.shape[-1]) for of in (self.features, self.logits))
        readout = fit_readout(rows, wanted)
        return LinearHead(readout.kernel, readout.bias)


@dataclass(frozen=True, slots=True)
class Readouts:
    """What the heads of a slim network are made of, beside the labels.

    Attributes:
        labels: Where the label head is fitted: the object's features, and what the original's would be. None for an
            original that was fine-tuned: then `answered` counts.
        known: What the original's features of object and scene would be; None in a network without `known`.
        answered: What a fine-tuned original answers. The label head is then the mean of one that is fitted on the
            object's own features and of a map to the answers; None for an original that was not fine-tuned.
    """

    labels: Readout | None
    known: Readout | None
    answered: Answered | None = None


def fit_readout(features: Floats, wanted: Floats) -> Readout:
    """Solve the map from some features to others of the same pictures: ridge regression on standardized ones.

    Args:
        features: `[N, d]`.
        wanted: `[N, D]`.
    """
    rows, targets = features.astype(np.float64), wanted.astype(np.float64)
    mean, mean_wanted, deviations = rows.mean(axis=0), targets.mean(axis=0), rows.std(axis=0)
    scale = np.maximum(deviations, LEAST_SCALE * np.sqrt((deviations**2).mean()) + _EPSILON)
    standardized = (rows - mean) / scale
    covariance = standardized.T @ standardized / len(rows) + _RIDGE * np.eye(len(mean))
    solution = scipy.linalg.solve(covariance, standardized.T @ (targets - mean_wanted) / len(rows), assume_a="pos")
    kernel = solution / scale[:, np.newaxis]
    return Readout(kernel.astype(np.float32), (mean_wanted - mean @ kernel).astype(np.float32))


def beside_own(readout: Readout, features: Floats) -> Readout:
    """Return a map to the features themselves and, beside them, to what a readout makes of them.

    Both vary alike, so that a penalty treats them alike. What the original does not tell, a head may still take from
    the slim network's own features.

    Args:
        readout: From `[N, d]` to `[N, D]`.
        features: `[N, d]`.

    Returns:
        From `[N, d]` to `[N, d + D]`.
    """
    own, read = (max(float(rows.std(axis=0).mean()), _EPSILON) for rows in (features, readout.read(features)))
    kernel = np.concatenate([np.eye(len(readout.kernel), dtype=np.float32) / own, readout.kernel / read], axis=1)
    bias = np.concatenate([np.zeros(len(readout.kernel), np.float32), readout.bias / read])
    return Readout(kernel.astype(np.float32), bias.astype(np.float32))
