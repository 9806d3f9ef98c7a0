from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.quality import unseen_sources
from benchmarks.quality.unseen_sources import LeftOut, learned_from, measure
from train.data.dataset import Elsewhere, Strangers
from train.data.elsewhere import Sourced
from train.data.photos import Photo


def photo(name: str) -> Photo:
    return Photo(Path(f"{name}.jpg"), "a", name)


def sourced(name: str) -> Sourced:
    return Sourced(photo(name), "source", "kind", "part")


def test_a_folds_photos_and_strangers_are_not_learned_from(monkeypatch: pytest.MonkeyPatch):
    own, more = [photo(f"own {n}") for n in range(5)], [sourced(f"more {n}") for n in range(5)]
    strange = [sourced(f"strange {n}") for n in range(10)]
    data = SimpleNamespace(
        photos=own,
        elsewhere=Elsewhere(tuple(more), np.zeros(5, np.int64), np.arange(5)),
        strangers=Strangers(tuple(strange), np.arange(10)),
    )
    others = [photo("unlabelled")]
    pictures = [*own, *(each.photo for each in (*more, *strange)), *others]
    monkeypatch.setattr(unseen_sources, "pictures_to_learn_from", lambda _: pictures)
    folds = np.array([0, 1, 2, 3, 4, 4, 3, 2, 1, 0])
    learned = {each.sha256 for each in learned_from(1, folds, data, seed=1)}  # type: ignore[arg-type]
    assert {each.sha256 for each in pictures} - learned >= {"own 1", "more 3"}
    strangers = [each.photo.sha256 for each in strange]
    assert len(learned) == len(pictures) - 2 - sum(name not in learned for name in strangers)
    assert sum(name not in learned for name in strangers) == 2  # of ten kinds in five folds
    everywhere = [{each.sha256 for each in learned_from(n, folds, data, seed=1)} for n in range(5)]  # type: ignore[arg-type]
    assert all(sum(name not in found for found in everywhere) == 1 for name in strangers)


def test_own_photos_and_those_from_elsewhere_are_counted_apart():
    data = SimpleNamespace(
        photos=[photo("0"), photo("1")], targets=np.array([0, 1]), elsewhere=SimpleNamespace(targets=np.array([1, 0]))
    )
    sure, wrong = [3.0, 0.0], [0.0, 3.0]
    found = [
        LeftOut(np.array([0, 2]), np.array([sure, sure]), np.array([0.9, 0.9]), {"seen": 0.2, "unseen": 0.4}),
        LeftOut(np.array([1, 3]), np.array([wrong, sure]), np.array([0.9, 0.1]), {"seen": 0.3, "unseen": 0.5}),
    ]
    calibration = {"temperature": 1.0, "min_score": 0.9, "min_known": 0.5}
    measured = measure(found, data, calibration)  # type: ignore[arg-type]
    assert measured["own"] == {"right": 2, "photos": 2, "certain": 2, "right_of_certain": 2}
    assert measured["elsewhere"] == {"right": 1, "photos": 2, "certain": 1, "right_of_certain": 0}
    assert measured["unexplained"] == {"seen": 0.25, "unseen": 0.45}
    assert 0.56 < measured["log_loss"] < 0.57  # three of four right, and as sure as that: -(3 ln 0.75 + ln 0.25) / 4
