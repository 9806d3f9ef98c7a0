"""What one way to turn photos into a model's input is worth, on labelled photos.

Which class an output stands for is open too, so a way is judged under the assignment of outputs to classes that
explains its answers best (Kuhn 1955, the Hungarian method).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment, minimize_scalar
from scipy.special import log_softmax

from edge_infer.model_file.metadata import InputSpec, Interpolation, Resize
from edge_infer.pictures.loading import load_input
from train.imports.imported import Imported, scaled
from train.imports.scaling import Scaling
from train.metrics import Floats, Ints
from train.networks.network import forward
from train.networks.precision import bfloat16_where_fast

_HOTTEST = 1e4  # temperature
_LARGEST_LOSS = 14.0  # nats; one sure mistake does not outweigh all else


@dataclass(frozen=True, slots=True)
class Way:
    """How a photo becomes input.

    Attributes:
        scaling: How pixels are scaled.
        is_bgr: Whether blue comes first.
        resize: As in `InputSpec`.
        interpolation: Likewise.
    """

    scaling: Scaling
    is_bgr: bool
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"

    def spec(self, size: tuple[int, int]) -> InputSpec:
        """Return it as the input of a model file, for a height and width in pixels."""
        return InputSpec(*size, self.resize, self.interpolation)

    def __str__(self) -> str:
        """Name it as the options do."""
        channels = "bgr" if self.is_bgr else "rgb"
        return f"{self.scaling}, {channels}, {self.resize}, {self.interpolation}"


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What a way is worth.

    Attributes:
        way: The way.
        photos: How many photos it was tried on.
        right: How many of them are answered right, under the best assignment of outputs to classes.
        right_as_told: How many with the outputs in the order of the labels.
        moved: How many are of classes that get another output than their own in the order of the labels.
        losses: Minus the logarithm of the right class's probability, `[photos]`, under the best assignment and
            temperature: pixels 255 times as large make most networks as much surer, and no more right.
        log_probabilities: `[photos, classes]`, likewise.
        assignment: For each class, its output.
        is_right: Which photos are answered right, `bool [photos]`, under the best assignment.
    """

    way: Way
    photos: int
    right: int
    right_as_told: int
    moved: int
    losses: Floats
    log_probabilities: Floats
    assignment: tuple[int, ...]
    is_right: npt.NDArray[np.bool_]

    def to_record(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "way": str(self.way),
            "photos": self.photos,
            "right": self.right,
            "log_loss": round(float(self.losses.mean()), 4),
        }


class Trial:
    """Photos that a model is shown in one way after the other.

    Args:
        imported: The model.
        paths: Labelled photos.
        targets: For each, its class in the order of the labels.
        is_order_told: Whether the labels' order is the outputs'; otherwise any other is tried too.
    """

    def __init__(self, imported: Imported, paths: Sequence[Path], targets: Ints, *, is_order_told: bool) -> None:
        self._imported, self._paths, self._targets = imported, paths, targets
        self._is_order_told = is_order_told
        self._answer = forward(imported.core)
        self._pixels: dict[InputSpec, npt.NDArray[np.uint8]] = {}
        self._logits: dict[Way, Floats] = {}  # of the first photos, as many as were asked for so far

    def run(self, way: Way, photos: int | None = None, *, is_order_told: bool | None = None) -> Tried:
        """Show the first photos, by default all, in a way, and return what it is worth.

        Args:
            way: The way.
            photos: How many.
            is_order_told: As for the class; None for the same.
        """
        is_order_told = self._is_order_told if is_order_told is None else is_order_told
        logits = self._answers(way, photos or len(self._paths))
        targets = self._targets[: len(logits)]
        answers, classes = logits.argmax(axis=1), self._imported.classes
        confusion = np.zeros((classes, classes), np.int64)  # rows: the class, columns: the output
        np.add.at(confusion, (targets, answers), 1)
        as_told = int(np.trace(confusion))
        assignment = np.arange(classes) if is_order_told else linear_sum_assignment(-confusion)[1]
        if confusion[np.arange(classes), assignment].sum() == as_told:
            assignment = np.arange(classes)
        log_probabilities = _calibrated(np.asarray(logits, np.float64), assignment[targets])
        losses = np.minimum(-log_probabilities[np.arange(len(targets)), assignment[targets]], _LARGEST_LOSS)
        right = int(confusion[np.arange(classes), assignment].sum())
        order = tuple(map(int, assignment))
        is_right = answers == assignment[targets]
        moved = int((assignment[targets] != targets).sum())
        return Tried(way, len(targets), right, as_told, moved, losses, log_probabilities, order, is_right)

    def _answers(self, way: Way, photos: int) -> Floats:
        """Return the logits for the first photos; what a first look showed is not computed again."""
        spec = way.spec(self._imported.size)
        if spec not in self._pixels:
            self._pixels[spec] = np.stack([load_input(path, spec) for path in self._paths])
        seen = self._logits.get(way, np.empty((0, self._imported.classes), np.float32))
        missing = self._pixels[spec][len(seen) : photos]
        if len(missing):
            with bfloat16_where_fast():
                found = self._answer(scaled(missing, way.scaling, is_bgr=way.is_bgr))
            self._logits[way] = seen = np.concatenate([seen, found])
        return seen[:photos]


def _calibrated(logits: Floats, targets: Ints) -> Floats:
    """Return logarithms of probabilities at the temperature that makes the right answers most likely."""

    def scaled_down(log_temperature: float) -> Floats:
        log_probabilities: Floats = log_softmax(logits / np.exp(log_temperature), axis=1)
        return log_probabilities

    def loss(log_temperature: float) -> float:
        return -float(scaled_down(log_temperature)[np.arange(len(targets)), targets].mean())

    # Colder than the network's own would make all right answers of a small sample sure.
    return scaled_down(minimize_scalar(loss, bounds=(0.0, np.log(_HOTTEST)), method="bounded").x)
