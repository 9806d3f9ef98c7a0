"""CenterFace's maps to boxes, in NumPy.

For every fourth pixel the network says how likely a face is centred there, how large it
is, how far its centre is off the grid, and where its landmarks are (Xu et al. 2019,
https://arxiv.org/abs/1911.03599).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HEATMAP, SCALE, OFFSET, LANDMARKS = "heatmap", "scale", "offset", "landmarks"
OUTPUTS = {HEATMAP: 1, SCALE: 2, OFFSET: 2, LANDMARKS: 10}  # channels
STRIDE = 4  # input pixels per output pixel

# More than any crowd has, so that noise cannot make the overlap search long.
_TINY = float(np.finfo(np.float64).tiny)
_MAX_CANDIDATES = 1000
_MAX_LOG_SIZE = 10.0  # exp of it times the stride is 88,000 pixels

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces in one picture, best first.

    Attributes:
        boxes: `[K, 4]`, left, top, right, bottom in pixels.
        scores: `[K]`, 0–1.
        landmarks: `[K, 5, 2]`, x, y in pixels.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def moved(self, scale: Floats, shift: Floats) -> "Detections":
        """Return them in pixels of another picture, `scale * (x, y) + shift`."""
        return Detections(
            self.boxes * np.tile(scale, 2) + np.tile(shift, 2), self.scores, self.landmarks * scale + shift
        )

    def turned_back(self, quarters: int, side: float) -> "Detections":
        """Return them as they were before a square picture was turned counter-clockwise, as by `np.rot90`.

        Args:
            quarters: How many quarter turns it was turned by.
            side: Of the square, pixels.
        """
        boxes, landmarks = self.boxes.reshape(-1, 2, 2), self.landmarks
        for _ in range(quarters):
            boxes, landmarks = (
                np.stack([side - points[..., 1], points[..., 0]], axis=-1) for points in (boxes, landmarks)
            )
        return Detections(np.hstack([boxes.min(axis=1), boxes.max(axis=1)]), self.scores, landmarks)


def decode(maps: Mapping[str, npt.NDArray[np.float32]], min_score: float, max_overlap: float) -> Detections:
    """Decode the maps of one picture.

    Args:
        maps: By output name, `float32 [channels, H/4, W/4]`.
        min_score: Centres below this are left out, 0–1.
        max_overlap: As in `best_of_overlapping`.

    Returns:
        Boxes and landmarks in pixels of the network's input.
    """
    heatmap = maps[HEATMAP][0]
    rows, columns = np.nonzero(heatmap >= min_score)
    order = np.argsort(-heatmap[rows, columns], kind="stable")[:_MAX_CANDIDATES]
    rows, columns = rows[order], columns[order]
    height, width = np.exp(np.minimum(maps[SCALE][:, rows, columns].astype(np.float64), _MAX_LOG_SIZE)) * STRIDE
    offset_y, offset_x = maps[OFFSET][:, rows, columns]
    left = (columns + offset_x + 0.5) * STRIDE - width / 2
    top = (rows + offset_y + 0.5) * STRIDE - height / 2
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    # Landmarks alternate y, x, in units of the box.
    points = maps[LANDMARKS][:, rows, columns].reshape(5, 2, -1)
    landmarks = np.stack([left + points[:, 1] * width, top + points[:, 0] * height], axis=-1).transpose(1, 0, 2)
    scores = heatmap[rows, columns].astype(np.float64)
    kept = best_of_overlapping(boxes, scores, max_overlap)
    return Detections(boxes[kept], scores[kept], landmarks[kept])


def best_of_overlapping(boxes: Floats, scores: Floats, max_overlap: float) -> npt.NDArray[np.int64]:
    """Return the boxes that overlap no better one by too much (greedy non-maximum suppression).

    Args:
        boxes: `[K, 4]`.
        scores: `[K]`.
        max_overlap: Largest intersection over union that is allowed, 0–1.

    Returns:
        Indices, best first.
    """
    rest = np.argsort(-scores, kind="stable")
    kept = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        rest = rest[overlaps(boxes[best], boxes[rest]) <= max_overlap]
    return np.array(kept, np.int64)


def overlaps(box: Floats, others: Floats) -> Floats:
    """Return the intersection over union of a box `[4]` with others `[K, 4]`: `[K]`, 0–1."""
    # Products written out: np.prod would take half of the time that faces cost where there are hundreds of candidates.
    width, height = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0).T
    shared = width * height
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return np.asarray(shared / np.maximum(area + areas - shared, _TINY))
