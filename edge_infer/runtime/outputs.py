"""What a classifier's network answers, checked: probabilities, and whether the picture shows any class at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_infer.errors import ModelOutputError

_TOLERANCE = 1e-3  # rounding, in float and int8


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """A network's answers to a batch.

    Attributes:
        probabilities: `float32 [N, C]`, rows summing to 1.
        known: How sure the network is that the picture shows any of its classes at all, `float32 [N]`
            in 0–1; None for a network that does not say.
    """

    probabilities: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32] | None

    def averaged(self, rows: npt.NDArray[np.intp], others: "Outputs") -> "Outputs":
        """Return the same with some rows replaced by their mean with those of other answers, in the same order."""
        probabilities = self.probabilities.copy()
        probabilities[rows] = (probabilities[rows] + others.probabilities) / 2
        if self.known is None or others.known is None:
            return Outputs(probabilities, None)
        known = self.known.copy()
        known[rows] = (known[rows] + others.known) / 2
        return Outputs(probabilities, known)


def joined(outputs: Sequence[Outputs]) -> Outputs:
    """Return the answers of several runs of one network as one."""
    if len(outputs) == 1:
        return outputs[0]
    known = [of_run.known for of_run in outputs if of_run.known is not None]
    return Outputs(
        np.concatenate([of_run.probabilities for of_run in outputs]), np.concatenate(known) if known else None
    )


def checked(
    probabilities: npt.NDArray[np.float32], known: npt.NDArray[np.float32] | None, pictures: int, classes: int
) -> Outputs:
    """Return what a network answered, once it is plausible.

    Args:
        probabilities: Its first output.
        known: Its second, if it has one.
        pictures: N.
        classes: C.

    Raises:
        ModelOutputError: Another shape, or NaN or something else that is not a distribution for each
            picture, or no share.
    """
    if probabilities.shape != (pictures, classes):
        raise ModelOutputError(
            f"the model's output has shape {list(probabilities.shape)} for {pictures} pictures "
            f"and {classes} labels: the file is damaged"
        )
    # Written so that a NaN fails: it is its own smallest value, and every comparison with it is false.
    if not (probabilities.min(initial=1) >= 0 and (np.abs(probabilities.sum(axis=1) - 1) <= _TOLERANCE).all()):
        raise ModelOutputError("the model's output is not a probability distribution: the file is damaged")
    if known is None:
        return Outputs(probabilities, None)
    if known.shape != (pictures,):
        raise ModelOutputError(
            f"the model's output known has shape {list(known.shape)} for {pictures} pictures: the file is damaged"
        )
    # 1 - P(none of them), say, may be rounded to a little less than 0.
    if not (known.min(initial=1) >= -_TOLERANCE and known.max(initial=0) <= 1 + _TOLERANCE):
        raise ModelOutputError("the model's output known is not a number from 0 to 1: the file is damaged")
    return Outputs(probabilities, np.clip(known, 0, 1))
