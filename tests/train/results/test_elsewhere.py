"""Figures on photos from elsewhere: shares of what was counted, intervals over sources."""

from pathlib import Path

import numpy as np
import pytest

from train.data.dataset import Elsewhere
from train.data.elsewhere import Sourced
from train.data.photos import Photo
from train.results.elsewhere import elsewhere_lines, measure_elsewhere, resampled_counts

TARGETS = np.array([0, 0, 1, 1])
PHOTOS = tuple(
    Sourced(Photo(Path(f"{i}.jpg"), "ab"[target], str(i)), source, kind)
    for i, (target, source, kind) in enumerate(zip(TARGETS, "xxyz", ("cut", "cut", "rough", ""), strict=True))
)
ELSEWHERE = Elsewhere(PHOTOS, TARGETS, np.array([0, 0, 1, 2]))


def measured() -> dict:
    answers = np.array(
        [[[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]], [[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]]]
    )
    return measure_elsewhere(answers, answers.max(axis=-1) >= 0.75, ELSEWHERE, ("a", "b"))


def test_shares_are_means_over_photos_and_repeats():
    found = measured()
    assert (found["photos"], found["sources"]) == (4, 3)
    assert found["accuracy"] == 5 / 8
    assert found["certain"] == 2 / 4
    assert found["right_of_certain"] == 1 / 2
    assert found["by_class"]["a"] == {"photos": 2, "accuracy": 3 / 4, "certain": 1 / 2, "right_of_certain": 1.0}
    assert found["by_class"]["b"] == {"photos": 2, "accuracy": 1 / 2, "certain": 1 / 2, "right_of_certain": 0.0}
    assert set(found["by_kind"]) == {"cut", "rough"}
    assert found["accuracy_95"][0] == 0.0
    assert 0.625 < found["accuracy_95"][1] <= 1


def test_intervals_are_wider_where_few_sources_have_many_photos():
    right = np.tile([1.0, 0.0], 50)[np.newaxis]
    spread = [
        np.ptp(np.quantile(drawn[:, 1] / drawn[:, 0], (0.025, 0.975)))
        for drawn in (resampled_counts(right, np.arange(100)), resampled_counts(np.sort(right), np.arange(100) // 10))
    ]
    assert spread[0] == pytest.approx(2 * 1.96 * 0.05, abs=0.03)
    assert spread[1] > 2.5 * spread[0]


def test_the_page_shows_them():
    page = elsewhere_lines(measured())
    assert "4 photos from 3 sources, each answered by a model that saw none of its source." in page
    assert page[4].startswith("- right: 62.5% (95 % interval 0.0%-")
    assert "| rough | 1 | 0% | 100% | 0% |" in page
    assert "| a | 2 | 75% | 50% | 100% |" in page


def test_no_photos_no_figures():
    nothing = Elsewhere((), np.empty(0, np.int64), np.empty(0, np.int64))
    assert measure_elsewhere(np.empty((1, 0, 2)), np.empty((1, 0), bool), nothing, ("a", "b")) is None
