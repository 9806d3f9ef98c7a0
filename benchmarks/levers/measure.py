"""What one lever is worth: its heads answer the photos of the folds that they have not seen."""

from dataclasses import dataclass

import numpy as np

from benchmarks.levers.features import FrozenFeatures
from benchmarks.levers.folds import summarize
from benchmarks.levers.pooling import class_map
from benchmarks.levers.views import WHOLE, View
from benchmarks.levers.weights import EVEN, Weighting
from benchmarks.levers.yardstick import OWN_TEST, Mask, Yardstick
from train.fitting.crossval import FOLDS
from train.fitting.head import LinearHead, fit_rows
from train.metrics import Floats, Ints, softmax
from train.progress import track

_SHARE_OF_PEAK = 0.35
_LEAST_CELLS = 5.0
_MARGIN_CELLS = 0.5


@dataclass(frozen=True, slots=True)
class Lever:
    """One way to learn and to answer, on frozen features.

    Attributes:
        name: What `--only` takes.
        train: Views of each photo that the head learns from.
        test: Views whose logits are averaged to answer.
        blocks: VGG16's blocks that are pooled.
        pooling: As in `pooling.POOLINGS`.
        inverse_l2: scikit-learn's C.
        weighting: How much each photo counts.
        second_look: Answer once more from where the map of the best class is high, and average.
        tuned_from: The first block that learns too; None for a frozen network.
    """

    name: str
    train: tuple[View, ...] = (WHOLE,)
    test: tuple[View, ...] = (WHOLE,)
    blocks: tuple[int, ...] = (4, 5)
    pooling: str = "mean"
    inverse_l2: float = 0.01
    weighting: Weighting = EVEN
    second_look: bool = False
    tuned_from: int | None = None

    @property
    def passes(self) -> float:
        """Passes of the network for each photo that it learns from, as many as at 224 px."""
        return sum(view.cost for view in self.train)

    @property
    def device_passes(self) -> float:
        """Passes of the network for one answer, likewise."""
        return sum(view.cost for view in self.test) + self.second_look


class Measurement:
    """Inputs of a lever's heads, and the heads of its folds.

    Args:
        lever: What is measured.
        yardstick: The photos.
        features: Computes what the heads read.
    """

    def __init__(self, lever: Lever, yardstick: Yardstick, features: FrozenFeatures) -> None:
        self.lever, self.yardstick, self.features = lever, yardstick, features
        self.labelled = np.flatnonzero(yardstick.labelled)
        self.views = {view: self.inputs(view) for view in dict.fromkeys((*lever.train, *lever.test))}

    def inputs(self, view: View) -> Floats:
        """Return what the head reads of a view, `[N, D]`; rows of strangers are zero."""
        photos = [self.yardstick.photos[i] for i in self.labelled]
        found = self.features.pooled(photos, view, self.lever.pooling, self.lever.blocks)
        spread = np.zeros((len(self.yardstick.photos), found.shape[1]), np.float32)
        spread[self.labelled] = found
        return spread

    def fit(self, chosen: Ints) -> LinearHead:
        """Fit the head on all training views of some labelled photos."""
        rows = np.concatenate([self.views[view][chosen] for view in self.lever.train])
        weights = self.lever.weighting.of(self.yardstick, chosen)
        copies = len(self.lever.train)
        targets = np.tile(self.yardstick.targets[chosen], copies)
        return fit_rows(rows, targets, np.tile(weights, copies), self.lever.inverse_l2)

    def answer(self, head: LinearHead, rest: Ints) -> Floats:
        """Return probabilities of some photos, `[n, C]`."""
        first = softmax(np.mean([head.logits(self.views[view][rest]) for view in self.lever.test], axis=0))
        return (first + self._second_look(head, rest, first)) / 2 if self.lever.second_look else first

    def held_out(self, chosen: Ints, rest: Ints) -> Floats:
        """Learn from some labelled photos and return probabilities of others, `[n, C]`."""
        return self.answer(self.fit(chosen), rest)

    def _second_look(self, head: LinearHead, rest: Ints, first: Floats) -> Floats:
        photos = [self.yardstick.photos[i] for i in rest]
        maps = self.features.maps(photos, WHOLE)
        looks = []
        for photo, best, pair in zip(photos, first.argmax(axis=1), maps, strict=True):
            of_blocks = np.split(head.kernel[:, best], len(pair))
            heat = np.sum([class_map(m, kernel) for m, kernel in zip(pair, of_blocks, strict=True)], axis=0)
            looks.append((photo, View(box=box_of(heat))))
        return softmax(head.logits(self.features.pooled_each(looks, self.lever.pooling, self.lever.blocks)))


def measure(measurement: Measurement, folds: Ints) -> dict[str, object]:
    """Return how right a lever's answers are, and what it costs.

    Args:
        measurement: Of the lever.
        folds: From `joint_folds`.
    """
    lever, yardstick = measurement.lever, measurement.yardstick
    answers = np.zeros((*folds.shape, len(yardstick.labels)))
    turns = [(repeat, fold) for repeat in range(len(folds)) for fold in range(FOLDS)]
    for repeat, fold in track(turns, lever.name):
        chosen = np.flatnonzero(yardstick.labelled & (folds[repeat] != fold))
        rest = np.flatnonzero(yardstick.labelled & (folds[repeat] == fold))
        answers[repeat, rest] = measurement.held_out(chosen, rest)
    test = np.flatnonzero(yardstick.parts == OWN_TEST)
    others = np.flatnonzero(yardstick.labelled & (yardstick.parts != OWN_TEST))
    right = (
        int((measurement.held_out(others, test).argmax(axis=1) == yardstick.targets[test]).sum()) if len(test) else 0
    )
    cost = {"passes": lever.passes, "device_passes": lever.device_passes}
    return {**summarize(answers, yardstick), "test": {"right": right, "photos": len(test)}, **cost}


def box_of(heat: Floats) -> tuple[float, float, float, float]:
    """Return the box of the cells above a share of the peak, in shares of the sides: left, top, right, bottom.

    It is half a cell wider on each side, and at least five cells long.
    """
    high = heat >= _SHARE_OF_PEAK * heat.max()
    left, right = _span(high.any(axis=0))
    top, bottom = _span(high.any(axis=1))
    return left, top, right, bottom


def _span(high: Mask) -> tuple[float, float]:
    cells, side = np.flatnonzero(high), len(high)
    middle = (cells[0] + cells[-1] + 1) / 2
    reach = max((cells[-1] + 1 - cells[0]) / 2 + _MARGIN_CELLS, _LEAST_CELLS / 2)
    low, end = max(0.0, middle - reach), min(float(side), middle + reach)
    if end - low < _LEAST_CELLS:  # cut short by an edge
        low, end = (0.0, _LEAST_CELLS) if low == 0 else (side - _LEAST_CELLS, float(side))
    return round(float(low / side), 4), round(float(end / side), 4)
