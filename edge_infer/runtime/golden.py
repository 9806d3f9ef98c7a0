"""Golden answers: does this machine compute what the model's makers computed?

int8 arithmetic differs between CPUs where a runtime takes a shortcut that overflows. So a model
file carries its probabilities for a few pictures that every machine can draw, exactly, from whole
numbers; `edge-infer models verify` compares.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_infer.model_file.metadata import ClassifierMetadata, InputSpec
from edge_infer.model_file.opening import ModelFile
from edge_infer.runtime.session import Session

TOLERANCE = 0.01  # of a probability; rounding differs by less than 0.001, an overflow by more
DIGITS = 4


def golden_pictures(spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Draw the pictures, `uint8 [4, H, W, 3]`: a gradient, stripes, rings and tiles, each in colours of its own."""
    row, column = np.mgrid[: spec.height, : spec.width].astype(np.int64)
    row, column = row * 256 // spec.height, column * 256 // spec.width  # the same picture at every size
    rings = ((row - 128) ** 2 + (column - 128) ** 2) // 64
    tiles = (row // 32) * 37 + (column // 32) * 101
    channels = [
        (column, row, 255 - (row + column) // 2),
        ((row + column) * 4, (row - column) * 3 + 90, column * 2),
        (rings, rings * 2 + 60, 255 - rings),
        (tiles, tiles * 3 + 50, tiles * 7 + 120),
    ]
    return np.stack([np.stack(picture, axis=-1) % 256 for picture in channels]).astype(np.uint8)


def golden_answers(session: Session, spec: InputSpec) -> tuple[tuple[float, ...], ...]:
    """Return a model's probabilities for the golden pictures, rounded, to be written into its metadata."""
    probabilities = session.run(golden_pictures(spec)).probabilities
    return tuple(tuple(round(float(p), DIGITS) for p in row) for row in probabilities)


def largest_difference(file: ModelFile[ClassifierMetadata], golden: Sequence[Sequence[float]]) -> float:
    """Return by how much a model's answers on this machine differ from its golden ones, at most, 0-1.

    Raises:
        ModelError: The model cannot be loaded.
        ModelOutputError: Its output is not a probability distribution.
    """
    probabilities = Session(file).run(golden_pictures(file.metadata.input)).probabilities
    return float(np.abs(probabilities - np.array(golden)).max())
