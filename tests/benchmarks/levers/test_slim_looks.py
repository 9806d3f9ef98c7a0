"""Two looks are averaged everywhere, or only where the first is unsure; thresholds decide what is certain."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.levers.slim_looks import Looks, measure, middle
from tests.benchmarks.levers.yardsticks import LABELS
from train.data.dataset import Elsewhere, Strangers
from train.data.elsewhere import Sourced
from train.data.photos import Photo

# Photo 0 is the set's own, photo 1 from elsewhere; two classes of three are in play.
FIRST = Looks(
    np.array([[[0.9, 0.1, 0], [0.4, 0.6, 0]]]), np.array([0.8, 0.6]), np.array([[0.5, 0.5, 0]]), np.array([0.4])
)
SECOND = Looks(
    np.array([[[0.1, 0.9, 0], [1.0, 0.0, 0]]]), np.array([0.2, 1.0]), np.array([[1.0, 0.0, 0]]), np.array([0.8])
)


def test_the_middle_has_the_same_margin_on_all_sides():
    view = middle(0.5, 128)
    assert (view.box, view.side, view.number) == ((0.25, 0.25, 0.75, 0.75), 128, 0)


def test_two_looks_are_averaged_where_the_first_is_unsure():
    always, unsure = FIRST.averaged(SECOND), FIRST.averaged(SECOND, below=0.75)
    assert always.probabilities[0].tolist() == [[0.5, 0.5, 0], pytest.approx([0.7, 0.3, 0])]
    assert always.known.tolist() == [0.5, 0.8]
    assert unsure.probabilities[0].tolist() == [[0.9, 0.1, 0], pytest.approx([0.7, 0.3, 0])]
    assert unsure.known.tolist() == [0.8, 0.8]
    for looks in (always, unsure):
        assert looks.strange.tolist() == [[0.75, 0.25, 0]]
        assert looks.strange_known == pytest.approx([0.6])


def test_certain_is_what_reaches_both_thresholds():
    sourced = Sourced(Photo(None, "a", "0" * 64), "shop", "rough", "wild")
    data = SimpleNamespace(
        photos=[0],
        targets=np.array([0]),
        not_test=np.array([0]),
        labels=LABELS,
        elsewhere=Elsewhere((sourced,), np.array([0]), np.array([0])),
        strangers=Strangers((sourced,), np.array([0])),
    )
    training, calibration = SimpleNamespace(data=data), {"min_score": 0.7, "min_known": 0.6}
    first = measure(FIRST, training, calibration)
    assert (first["elsewhere"]["accuracy"], first["elsewhere"]["certain"]) == (0.0, 0.0)
    assert (first["own"], first["own_kept"], first["strangers"]["certain"]) == (1.0, 1.0, 0.0)
    both = measure(FIRST.averaged(SECOND, below=0.8), training, calibration)
    assert (both["elsewhere"]["accuracy"], both["elsewhere"]["right_of_certain"]) == (1.0, 1.0)
    assert both["strangers"]["certain"] == 1.0
