"""Answers smoothed over time, so that a label does not flicker from frame to frame."""

import math
from collections.abc import Hashable
from dataclasses import replace
from typing import TypeVar

from edge_infer.results import FacePrediction, Prediction, rank
from edge_infer.webcam.defaults import SMOOTHING_S

FORGET_S = 2.0

Answer = TypeVar("Answer", Prediction, FacePrediction)


class Smoother:
    """Exponential moving average of each subject's probabilities and `known`, by time, not by frames.

    Args:
        time_constant_s: After this long, an old answer counts 37 %; 0 for no smoothing.
    """

    def __init__(self, time_constant_s: float = SMOOTHING_S) -> None:
        self._time_constant_s = time_constant_s
        self._remembered: dict[Hashable, tuple[float, dict[str, float], float | None]] = {}

    def smooth(self, subject: Hashable, answer: Answer, time_s: float) -> Answer:
        """Take in an answer and return the smoothed one.

        Args:
            subject: Whose answer it is, such as the number of a face.
            answer: The answer.
            time_s: When; never earlier than before.

        Returns:
            The same answer with smoothed scores, best first, which sum to 1, and smoothed `known`.
        """
        new, known = {score.label: score.score for score in answer.scores}, answer.known
        before_s, old, old_known = self._remembered.get(subject, (-math.inf, new, known))
        if self._time_constant_s > 0 and time_s - before_s < FORGET_S:
            weight = -math.expm1((before_s - time_s) / self._time_constant_s)
            new = {label: score + weight * (new[label] - score) for label, score in old.items()}
            if known is not None and old_known is not None:
                known = old_known + weight * (known - old_known)
        self._remembered = {key: value for key, value in self._remembered.items() if time_s - value[0] < FORGET_S}
        self._remembered[subject] = time_s, new, known
        return replace(answer, scores=rank(list(new), list(new.values())), known=known)
