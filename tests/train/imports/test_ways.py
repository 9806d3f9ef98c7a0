"""Which ways go on to more photos: those that may yet be the best."""

import numpy as np
import pytest

from train.imports.trial import Tried, Way
from train.imports.ways import _best_scalings, _surer_resizes

PHOTOS = 96
GOOD, NEAR, BAD = (Way(scaling, is_bgr=False) for scaling in ("unit", "signed", "caffe"))
CROPPED = Way("unit", is_bgr=False, resize="crop")


class Trial:
    """Ways whose losses are known: a mean, give or take 0.4, and a wrong answer where one is above 1."""

    def __init__(self, means: dict[Way, float]) -> None:
        self.shown: dict[Way, int] = dict.fromkeys(means, 0)
        noise = np.tile([0.4, -0.4, 0.3, -0.3], PHOTOS // 4)
        self._losses = {way: mean + noise * (1 if place % 2 else -1) for place, (way, mean) in enumerate(means.items())}

    def run(self, way: Way, photos: int | None = None) -> Tried:
        losses = self._losses[way][:photos]
        self.shown[way] = max(self.shown[way], len(losses))
        is_right = losses < 1
        right = int(is_right.sum())
        return Tried(way, len(losses), right, right, losses, np.zeros((len(losses), 2)), (0, 1), is_right)


def test_a_way_that_is_clearly_behind_is_shown_few_photos() -> None:
    trial = Trial({NEAR: 0.55, GOOD: 0.5, BAD: 1.8})
    tried, dropped = _best_scalings(trial, [BAD, NEAR, GOOD])
    assert [found.way for found in tried] == [NEAR, GOOD]
    assert [(found.way, found.photos) for found in dropped] == [(BAD, 12)]
    assert trial.shown == {NEAR: PHOTOS, GOOD: PHOTOS, BAD: 12}


@pytest.mark.parametrize(
    ("loss", "shown", "is_surer"),
    [(0.3, PHOTOS, True), (0.6, 12, False), (0.49, 12, False)],
)
def test_another_resize_is_shown_more_photos_while_it_would_win(loss: float, shown: int, is_surer: bool) -> None:
    trial = Trial({GOOD: 0.5, CROPPED: loss})
    surer, others = _surer_resizes(trial, [CROPPED], trial.run(GOOD))
    assert trial.shown[CROPPED] == shown
    assert [found.way for found in surer] == ([CROPPED] if is_surer else [])
    assert [(found.way, found.photos) for found in others] == ([] if is_surer else [(CROPPED, shown)])
