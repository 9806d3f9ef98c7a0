"""Which ways go on to more photos: those that may yet be the best."""

import numpy as np
import pytest

from train.errors import ImportDecisionError
from train.imports.trial import Tried, Way
from train.imports.ways import _best_scalings, _in_usual_channels, _surer_resizes, check_order

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
        return Tried(way, len(losses), right, right, 0, losses, np.zeros((len(losses), 2)), (0, 1), is_right)


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


@pytest.mark.parametrize(("loss_of_other", "chosen"), [(0.45, "bgr"), (0.05, "rgb")])
def test_channels_are_in_the_usual_order_unless_the_other_is_far_ahead(loss_of_other: float, chosen: str) -> None:
    usual, other = Way("caffe", is_bgr=True), Way("caffe", is_bgr=False)
    trial = Trial({usual: 0.5, other: loss_of_other, GOOD: 0.9})
    tried = _in_usual_channels(trial, [trial.run(GOOD), trial.run(usual), trial.run(other)])
    assert [found.way for found in tried] == [GOOD, {"bgr": usual, "rgb": other}[chosen]]


def _of_exchanged(right: int, right_as_told: int, moved: int) -> Tried:
    nothing = np.zeros(96)
    return Tried(GOOD, 96, right, right_as_told, moved, nothing, np.zeros((96, 3)), (0, 2, 1), nothing < 1)


@pytest.mark.parametrize(("right", "as_told", "moved"), [(96, 88, 8), (60, 40, 64)])
def test_exchanged_classes_are_noticed_though_they_are_few_of_many(right: int, as_told: int, moved: int) -> None:
    with pytest.raises(ImportDecisionError, match=rf"as --labels a,c,b \({right} of 96 right\)"):
        check_order(_of_exchanged(right, as_told, moved), ["a", "b", "c"])


@pytest.mark.parametrize(("right", "as_told", "moved"), [(96, 93, 4), (70, 62, 30)])
def test_classes_that_are_confused_are_not_taken_for_exchanged_ones(right: int, as_told: int, moved: int) -> None:
    check_order(_of_exchanged(right, as_told, moved), ["a", "b", "c"])
