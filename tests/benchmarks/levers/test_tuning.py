"""Blocks that learn start where the frozen network and its head are, in every fold anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.levers import tuning
from benchmarks.levers.catalogue import POOLED
from benchmarks.levers.features import FrozenFeatures
from benchmarks.levers.measure import Measurement
from benchmarks.levers.tuning import TunedMeasurement
from benchmarks.levers.views import View
from benchmarks.levers.yardstick import OWN, OWN_TEST, Yardstick
from tests.benchmarks.levers.yardsticks import LABELS, yardstick
from tests.conftest import drawn
from train.data.photos import sha256_file

COLOURS = {"a": (200, 40, 40), "b": (40, 200, 40), "c": (40, 40, 200)}
SMALL = View(side=64)
LEVER = replace(POOLED, train=(SMALL,), test=(SMALL,))


@pytest.fixture
def photos(tmp_path: Path) -> Yardstick:
    """Two photos a class, of its colour, and no others."""
    made = yardstick(own=2, sources=0, kinds=1, of_kind=1, things=0)
    for i, photo in enumerate(made.photos):
        path = tmp_path / f"{i}.png"
        drawn(COLOURS.get(photo.label, (90, 90, 90)), seed=i).save(path)
        made.photos[i] = replace(photo, path=path, sha256=sha256_file(path))
    return made


@pytest.fixture
def features(tmp_path: Path, random_weights: str) -> FrozenFeatures:
    return FrozenFeatures(random_weights, tmp_path / "cache", mixed_precision=False)


@pytest.mark.parametrize("first", [4, 5])
def test_what_does_not_learn_yet_answers_as_the_frozen_network(
    photos: Yardstick, features: FrozenFeatures, first: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tuning, "_LEARNING_RATE", 0.0)
    chosen, rest = (np.flatnonzero(photos.parts == part) for part in (OWN, OWN_TEST))
    frozen = Measurement(LEVER, photos, features).held_out(chosen, rest)
    tuned = TunedMeasurement(replace(LEVER, tuned_from=first), photos, features).held_out(chosen, rest)
    assert tuned.shape == (len(rest), len(LABELS))
    assert tuned == pytest.approx(frozen, abs=2e-3)  # maps are kept in half precision


def test_each_fold_starts_anew(photos: Yardstick, features: FrozenFeatures, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tuning, "_LEARNING_RATE", 1e-3)
    measurement = TunedMeasurement(replace(LEVER, tuned_from=5), photos, features)
    everything = np.flatnonzero(photos.labelled)
    first = measurement.held_out(everything, everything)
    measurement.held_out(everything[::2], everything)
    assert (measurement.held_out(everything, everything) == first).all()
    frozen = Measurement(LEVER, photos, features).held_out(everything, everything)
    assert np.abs(first - frozen).max() > 0.01


def test_other_levers_are_refused(photos: Yardstick, features: FrozenFeatures):
    with pytest.raises(ValueError, match="only eg2"):
        TunedMeasurement(replace(LEVER, tuned_from=3), photos, features)
