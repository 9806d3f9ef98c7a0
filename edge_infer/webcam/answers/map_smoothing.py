"""Maps smoothed over time, as the scores are: a map that jumps from frame to frame is not read."""

import math

import numpy as np

from edge_infer.explaining.spreading import Map
from edge_infer.webcam.answers.smoothing import FORGET_S
from edge_infer.webcam.defaults import SMOOTHING_S


class MapSmoother:
    """Exponential moving average of the classes' maps, by time, not by frames.

    Args:
        time_constant_s: As in `edge_infer.webcam.answers.smoothing.Smoother`.
    """

    def __init__(self, time_constant_s: float = SMOOTHING_S) -> None:
        self._time_constant_s = time_constant_s
        self._remembered: tuple[float, Map] | None = None

    def smooth(self, cells: Map, time_s: float) -> Map:
        """Take in maps `float32 [K, h, w]` and return the smoothed ones; times never decrease."""
        if self._remembered is not None and self._time_constant_s > 0:
            before_s, old = self._remembered
            if time_s - before_s < FORGET_S:
                weight = -math.expm1((before_s - time_s) / self._time_constant_s)
                cells = old + np.float32(weight) * (cells - old)
        self._remembered = time_s, cells
        return cells
