"""Which photos are compared: all of a run of ours, those held out of an imported network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from export.compared_photos import compared_photos
from train.imports.finished import ImportedRun
from train.runs.finished import FinishedRun

PARTS = {"train": [0, 2, 5], "validation": [1, 4], "test": [3]}


@dataclass(frozen=True)
class Data:
    """Six photos: each is a number, and so is its picture."""

    photos = tuple(range(6))
    targets = np.array([0, 1, 0, 1, 0, 1])

    def part(self, name: str) -> np.ndarray:
        return np.array(PARTS[name])


def run_of(kind: type) -> Any:  # a run of a kind, with nothing but what is asked of it
    members = {
        "load": lambda _, photo: np.full((1, 1, 3), photo, np.uint8),
        "answers": lambda _, photos: np.array([[10.0 * photo] for photo in photos]),
    }
    return object.__new__(type("Run", (kind,), members))


@pytest.fixture
def numbers() -> Callable[[list[np.ndarray]], list[int]]:
    return lambda pictures: [int(picture[0, 0, 0]) for picture in pictures]


def test_of_a_run_of_ours_all_are_compared(numbers: Callable[[Any], list[int]]) -> None:
    photos = compared_photos(run_of(FinishedRun), Data())
    assert numbers(photos.pictures) == [0, 1, 2, 3, 4, 5]
    assert photos.logits is None
    assert photos.targets.tolist() == [0, 1, 0, 1, 0, 1]
    assert (photos.held_out.tolist(), photos.test.tolist()) == ([1, 4, 3], [3])
    assert sorted(numbers(photos.calibration)) == PARTS["train"]
    assert numbers(photos.framed) == [0, 1, 2, 3, 4, 5]


def test_of_an_imported_network_those_held_out_are(numbers: Callable[[Any], list[int]]) -> None:
    photos = compared_photos(run_of(ImportedRun), Data())
    assert numbers(photos.pictures) == [1, 4, 3]
    assert photos.logits is not None
    assert photos.logits.tolist() == [[10], [40], [30]]
    assert photos.targets.tolist() == [1, 0, 1]
    assert (photos.held_out.tolist(), photos.test.tolist()) == ([0, 1, 2], [2])
    assert sorted(numbers(photos.calibration)) == PARTS["train"]
    assert numbers(photos.framed) == [0, 1, 2, 3, 4, 5]
