"""Answers smoothed over time, so that a label does not flicker from frame to frame."""

import math
from collections.abc import Hashable

from edge_infer.results import LabelScore, rank
from edge_infer.webcam.defaults import SMOOTHING_S

FORGET_S = 2.0


class Smoother:
    """Exponential moving average of each subject's probabilities, by time, not by frames.

    Args:
        time_constant_s: After this long, an old answer counts 37 %; 0 for no smoothing.
    """

    def __init__(self, time_constant_s: float = SMOOTHING_S) -> None:
        self._time_constant_s = time_constant_s
        self._remembered: dict[Hashable, tuple[float, dict[str, float]]] = {}

    def smooth(self, subject: Hashable, scores: tuple[LabelScore, ...], time_s: float) -> tuple[LabelScore, ...]:
        """Take in an answer and return the smoothed one.

        Args:
            subject: Whose answer it is, such as the number of a face.
            scores: Every class and its probability.
            time_s: When; never earlier than before.

        Returns:
            The same classes, best first; the scores sum to 1.
        """
        new = {score.label: score.score for score in scores}
        before_s, old = self._remembered.get(subject, (-math.inf, new))
        if self._time_constant_s > 0 and time_s - before_s < FORGET_S:
            weight = -math.expm1((before_s - time_s) / self._time_constant_s)
            new = {label: score + weight * (new[label] - score) for label, score in old.items()}
        self._remembered = {key: value for key, value in self._remembered.items() if time_s - value[0] < FORGET_S}
        self._remembered[subject] = time_s, new
        return rank(list(new), list(new.values()))
