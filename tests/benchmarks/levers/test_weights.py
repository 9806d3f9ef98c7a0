"""Weights of photos and of strangers."""

import numpy as np
import pytest

from benchmarks.levers.weights import Weighting, stranger_weights
from tests.benchmarks.levers.yardsticks import yardstick


def test_own_photos_classes_and_sources_can_count_differently():
    photos = yardstick(own=2, sources=2, of_source=4)  # a class: 4 own, 8 from two sources
    chosen = np.flatnonzero(photos.labelled)
    own = photos.own[chosen]
    assert set(Weighting().of(photos, chosen)) == {1.0}
    weights = Weighting(own=0.3).of(photos, chosen)
    assert (set(weights[own]), set(weights[~own])) == ({0.3}, {1.0})
    weights = Weighting(by_source=0.5).of(photos, chosen)
    assert (set(weights[own]), set(weights[~own])) == ({1.0}, {0.5})  # four of a source: 4 ** -0.5


def test_classes_are_evened_out_entirely_or_by_half():
    photos = yardstick(own=2, sources=2, of_source=4)
    chosen = np.flatnonzero(photos.labelled)
    chosen = chosen[(photos.targets[chosen] != 2) | (np.arange(len(chosen)) % 4 == 0)]  # fewer of the third class
    targets = photos.targets[chosen]
    counts = np.bincount(targets)
    totals = np.bincount(targets, Weighting(by_class=1).of(photos, chosen))
    assert totals == pytest.approx([counts.mean()] * 3)
    halved = Weighting(by_class=0.5).of(photos, chosen)
    assert halved[targets == 2][0] == pytest.approx((counts.mean() / counts[2]) ** 0.5)


def test_strangers_share_a_total_by_their_parts():
    parts = np.array(["things", "things", "stones", "gems"])
    weights = stranger_weights(parts, {"things": 4.0, "gems": 2.0}, total=22.0)
    assert weights.tolist() == pytest.approx([8.0, 8.0, 2.0, 4.0])
