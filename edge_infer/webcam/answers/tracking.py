"""Faces followed from frame to frame: looked for now and then, found again where they were in between.

Each known face is looked at in a close-up, which costs a fifth of a search of the whole
picture and is a measurement all the same, so nothing drifts. A search, every `SEARCH_S`
and when one is lost, only adds faces: its boxes differ a little, and would make those on the screen twitch.
Faces of two frames are the same when their boxes overlap (the IoU tracker of Bochinski
et al. 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

import numpy as np
from PIL import Image

from edge_infer.faces.decoding import overlaps
from edge_infer.faces.detector import Face, FaceDetector

SEARCH_S = 0.3
KEEP_S = 1.0  # a face that was out of sight for less is still the same
MIN_OVERLAP = 0.3


@dataclass(frozen=True, slots=True)
class Track:
    """A face that was seen in some frames.

    Attributes:
        number: The same in each of them.
        face: As last seen.
        seen_s: When, seconds.
    """

    number: int
    face: Face
    seen_s: float


class FaceTracker:
    """Follows faces through a video.

    Args:
        detector: Finds them.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._numbers = count()
        self._seen: tuple[Track, ...] = ()  # in the last frame
        self._missed: tuple[Track, ...] = ()
        self._searched_s = -inf

    def update(self, image_rgb: Image.Image, time_s: float) -> tuple[Track, ...]:
        """Return the faces in the next frame, the largest first.

        Args:
            image_rgb: The frame.
            time_s: When it was taken; never earlier than the one before.
        """
        found = list(self._detector.find_again(image_rgb, [track.face for track in self._seen]))
        if time_s - self._searched_s >= SEARCH_S or len(found) < len(self._seen):
            found += [face for face in self._detector.detect_in(image_rgb, quick=True) if not match(found, [face])]
            found.sort(key=lambda face: -face.width * face.height)
            self._searched_s = time_s
        known = [*self._seen, *(track for track in self._missed if time_s - track.seen_s < KEEP_S)]
        matches = match([track.face for track in known], found)
        self._seen = tuple(
            Track(known[matches[i]].number if i in matches else next(self._numbers), face, time_s)
            for i, face in enumerate(found)
        )
        self._missed = tuple(track for i, track in enumerate(known) if i not in matches.values())
        return self._seen


def match(known: Sequence[Face], found: Sequence[Face]) -> dict[int, int]:
    """Pair found faces with known ones, those that overlap most first.

    Returns:
        Index in `found` -> index in `known`; each at most once.
    """
    if not known:
        return {}
    known_boxes = np.array([face.box for face in known])
    pairs = [
        (shared, i, k)
        for i, face in enumerate(found)
        for k, shared in enumerate(overlaps(np.array(face.box), known_boxes).tolist())
        if shared >= MIN_OVERLAP
    ]
    matches: dict[int, int] = {}
    for _, i, k in sorted(pairs, reverse=True):
        if i not in matches and k not in matches.values():
            matches[i] = k
    return matches
