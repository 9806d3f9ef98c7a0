"""How a face is turned, by its five landmarks, and whether they lie as those of a face do.

The detector knows upright faces. It finds many that are turned, too, but puts their landmarks where
those of an upright face would be, or in between: out of shape, which shows (docs/models.md).
"""

from collections.abc import Sequence

import numpy as np

# Left eye, right eye, nose tip, corners of the mouth, y downwards: the mean of the training crops
# and their mirror images, around its centre and of unit length.
_MEAN_FACE = np.array([-0.356 - 0.389j, 0.356 - 0.389j, 0.030j, -0.287 + 0.373j, 0.287 + 0.373j])
# 93 % of the upright training crops are closer to the mean face, and 3 % of those that are turned by 90, 180 or 270.
MAX_MISFIT = 0.05


def fit(landmarks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Fit the mean face to landmarks by moving, turning and scaling it (Procrustes, as Umeyama 1991).

    Args:
        landmarks: As in `Face`.

    Returns:
        How far the face is turned, clockwise as seen, radians; and the misfit: the share of the
        landmarks' spread that the mean face does not explain, 0–1.
    """
    points = np.array(landmarks) @ (1, 1j)
    points -= points.mean()
    spread = np.vdot(points, points).real
    if not spread > 0:
        return 0.0, 1.0
    similarity = np.vdot(_MEAN_FACE, points)
    explained = abs(similarity) ** 2 / (np.vdot(_MEAN_FACE, _MEAN_FACE).real * spread)
    return float(np.angle(similarity)), float(np.clip(1 - explained, 0, 1))


def quarter_turns(landmarks: Sequence[tuple[float, float]]) -> int:
    """Return how many quarter turns, counter-clockwise, set a face upright, nearly: 0 to 3."""
    angle_rad, _ = fit(landmarks)
    return round(angle_rad / (np.pi / 2)) % 4


def is_upright(landmarks: Sequence[tuple[float, float]]) -> bool:
    """Return whether landmarks lie as those of an upright face do."""
    return quarter_turns(landmarks) == 0 and fit(landmarks)[1] <= MAX_MISFIT
