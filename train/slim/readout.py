"""The readout: from the slim network's features to the original's, and the heads behind it."""

from dataclasses import dataclass

import numpy as np

from train.fitting.head import LinearHead, with_familiarity
from train.metrics import Floats
from train.runs.slim_folder import SlimFolder


@dataclass(frozen=True, slots=True)
class Readout:
    """A linear map from the pruned network's features to the original's.

    Attributes:
        kernel: `float64 [d, D]`.
        bias: `float64 [D]`.
    """

    kernel: Floats
    bias: Floats

    def head(self, original: LinearHead) -> LinearHead:
        """Return a head of the original network as one that reads the pruned network's features.

        Its familiarity is left out: what is unlike the photos that the readout was learned from, the readout
        does not tell rightly.
        """
        kernel, bias = original.kernel[:, : original.classes], original.bias[: original.classes]
        return LinearHead((self.kernel @ kernel).astype(np.float32), (self.bias @ kernel + bias).astype(np.float32))


def slim_head(original: LinearHead, readout: Readout, features: Floats) -> LinearHead:
    """Return a head of the original as one of the slim network, with a familiarity of its own.

    Args:
        original: Fitted on the original's features of some photos.
        readout: From the slim network's features to the original's.
        features: Of the slim network, for the same photos, `[N, d]`.
    """
    head = readout.head(original)
    return with_familiarity(head, features) if original.familiarity else head


def load_readout(folder: SlimFolder) -> Readout | None:
    """Read a run's readout; None if it has none."""
    arrays = folder.readout()
    return None if arrays is None else Readout(*arrays)
