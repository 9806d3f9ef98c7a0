"""A lever's heads answer photos that they have not seen; a second look goes where the class map is high."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from benchmarks.levers.folds import joint_folds
from benchmarks.levers.measure import Lever, Measurement, box_of, measure
from benchmarks.levers.views import CENTRE, WHOLE, View, random_views
from tests.benchmarks.levers.yardsticks import LABELS, yardstick
from train.data.photos import Photo


class MadeUpFeatures:
    """Features that show the class, in both blocks; `noisy` views show nothing. Counts what it is asked for."""

    def __init__(self, noisy: Sequence[View] = ()) -> None:
        self.noisy = noisy
        self.asked: list[View] = []

    def pooled(self, photos: Sequence[Photo], view: View, pooling: str, blocks: Sequence[int]) -> np.ndarray:
        self.asked.append(view)
        rows = np.full((len(photos), 6), 0.1)
        for row, photo in zip(rows, photos, strict=True):
            seed = int(photo.sha256, 16)
            row += np.random.default_rng([seed, view.number]).uniform(0, 0.05, 6)
            if photo.label and view not in self.noisy:
                row[LABELS.index(photo.label) :: 3] += 1
        return rows.astype(np.float32)

    def pooled_each(self, wanted: Sequence[tuple[Photo, View]], pooling: str, blocks: Sequence[int]) -> np.ndarray:
        return np.concatenate([self.pooled([photo], view, pooling, blocks) for photo, view in wanted])

    def maps(self, photos: Sequence[Photo], view: View) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for photo in photos:
            maps = np.full((14, 14, 3), 0.01)
            maps[8:14, 0:6, LABELS.index(photo.label)] = 1  # the stone is at the lower left
            yield maps, maps


def test_features_that_show_the_class_are_answered_right():
    photos = yardstick()
    lever = Lever("x", train=random_views(2))
    figures = measure(Measurement(lever, photos, MadeUpFeatures()), joint_folds(photos, 1, 0))
    assert (figures["wild"], figures["own"], figures["top_half"]) == (1.0, 1.0, 1.0)
    assert figures["wild_95"] == (1.0, 1.0)
    assert figures["test"] == {"right": 6, "photos": 6}
    assert (figures["passes"], figures["device_passes"]) == (3, 1)


def test_nothing_is_known_of_a_source_that_was_held_out():
    """With features that name the source only, held-out sources are guessed."""
    photos = yardstick(sources=20)
    places = {name: i for i, name in enumerate(np.unique(photos.sources))}

    class Sources(MadeUpFeatures):
        def pooled(self, chosen: Sequence[Photo], view: View, pooling: str, blocks: Sequence[int]) -> np.ndarray:
            rows = [places[photos.sources[int(photo.sha256, 16)]] for photo in chosen]
            return np.eye(len(places), dtype=np.float32)[rows]

    figures = measure(Measurement(Lever("x"), photos, Sources()), joint_folds(photos, 1, 0))
    assert float(figures["wild"]) < 0.6  # 1.0 if a source were on both sides


def test_a_second_view_is_averaged():
    photos = yardstick()
    folds = joint_folds(photos, 1, 0)
    lever = Lever("x", train=(WHOLE,), test=(CENTRE,))
    blind = measure(Measurement(lever, photos, MadeUpFeatures(noisy=[CENTRE])), folds)
    both = Lever("x", train=(WHOLE,), test=(WHOLE, CENTRE))
    seeing = measure(Measurement(both, photos, MadeUpFeatures(noisy=[CENTRE])), folds)
    assert float(blind["wild"]) < 0.6
    assert (seeing["wild"], seeing["device_passes"]) == (1.0, 2)


def test_a_second_look_is_at_the_stone():
    photos = yardstick(own=5, sources=5, of_source=1)
    features = MadeUpFeatures()
    lever = Lever("x", second_look=True)
    figures = measure(Measurement(lever, photos, features), joint_folds(photos, 1, 0))
    boxes = {view.box for view in features.asked if view.box is not None}
    assert boxes == {(0.0, round(7.5 / 14, 4), round(6.5 / 14, 4), 1.0)}
    assert (figures["wild"], figures["device_passes"]) == (1.0, 2)


def test_a_larger_picture_costs_as_many_passes_as_it_has_pixels():
    large = View(side=448)
    lever = Lever("x", train=(WHOLE, large), test=(large,))
    assert (lever.passes, lever.device_passes) == (5.0, 4.0)


@pytest.mark.parametrize(
    ("rows", "columns", "box"),
    [
        ((4, 10), (5, 11), (4.5, 3.5, 11.5, 10.5)),
        ((0, 14), (0, 14), (0, 0, 14, 14)),
        ((7, 8), (7, 8), (5, 5, 10, 10)),  # never smaller than five cells
        ((0, 1), (13, 14), (9, 0, 14, 5)),  # pushed back inside
    ],
)
def test_a_box_holds_the_high_cells(rows: tuple[int, int], columns: tuple[int, int], box: tuple[float, ...]):
    heat = np.zeros((14, 14))
    heat[slice(*rows), slice(*columns)] = 1
    heat[0, 0] = max(heat[0, 0], 0.3)  # below 35 % of the peak
    assert box_of(heat) == pytest.approx([side / 14 for side in box], abs=1e-4)
