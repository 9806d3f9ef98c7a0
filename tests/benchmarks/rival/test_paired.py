import numpy as np
import pytest

from benchmarks.rival.paired import paired_difference


def test_the_difference_is_counted_photo_by_photo() -> None:
    ours = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])
    theirs = np.array([[1, 0, 1, 0], [1, 0, 1, 0]])
    compared = paired_difference(ours, theirs, np.arange(4))
    assert compared["difference"] == pytest.approx((1 + 0) / 8)  # 3 of 4 against 2, then 2 against 2
    assert compared["only_ours_right"] == 1.5
    assert compared["only_theirs_right"] == 1.0


def test_sources_are_drawn_whole() -> None:
    right, wrong = np.ones((1, 40)), np.zeros((1, 40))
    right[0, :4] = 0
    wrong[0, :4] = 1
    apart = paired_difference(right, wrong, np.arange(40))
    together = paired_difference(right, wrong, np.repeat([0, 1], [4, 36]))
    assert apart["difference"] == together["difference"] == pytest.approx(0.8)
    assert apart["not_better"] == 0
    assert together["not_better"] == pytest.approx(0.25, abs=0.05)  # the source of four, twice
    assert together["difference_95"] == [-1.0, 1.0]


def test_the_same_answers_differ_by_nothing() -> None:
    same = np.array([[1, 0, 1]])
    compared = paired_difference(same, same, np.arange(3))
    assert compared == {
        "difference": 0.0,
        "difference_95": [0.0, 0.0],
        "not_better": 1.0,
        "only_ours_right": 0.0,
        "only_theirs_right": 0.0,
    }
