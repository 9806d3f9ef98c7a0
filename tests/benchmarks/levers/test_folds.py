"""Folds divide neither a source nor duplicates nor a kind, and intervals know that sources are few."""

import numpy as np
import pytest

from benchmarks.levers.folds import clustered_interval, joint_folds, summarize
from benchmarks.levers.yardstick import STRANGER
from tests.benchmarks.levers.yardsticks import yardstick
from train.errors import DataError


def test_no_unit_is_divided_and_every_fold_has_some_of_everything():
    photos = yardstick()
    folds = joint_folds(photos, repeats=3, seed=1)
    assert folds.shape == (3, len(photos.photos))
    assert (folds[0] != folds[1]).any()
    for repeat in folds:
        for unit in np.unique(photos.units):
            assert len(set(repeat[photos.units == unit])) == 1
        for part in (photos.own, photos.wild, photos.strangers):
            assert set(repeat[part]) == {0, 1, 2, 3, 4}
        for source in np.unique(photos.sources[photos.wild]):
            assert len(set(repeat[photos.sources == source])) == 1
        for target in range(3):  # alike in classes: 24 of each from elsewhere, in threes
            counts = np.bincount(repeat[photos.wild & (photos.targets == target)], minlength=5)
            assert counts.sum() == 24
            assert counts.min() >= 3


def test_folds_are_the_same_for_the_same_seed():
    photos = yardstick()
    assert (joint_folds(photos, 2, 5) == joint_folds(photos, 2, 5)).all()
    assert (joint_folds(photos, 2, 5)[1] == joint_folds(photos, 1, 6)[0]).all()


def test_too_few_sources_or_photos_are_refused_by_name():
    with pytest.raises(DataError, match=r"^photos from elsewhere: 5 folds need 5 sources, .* found 3$"):
        joint_folds(yardstick(sources=1), 1, 0)
    with pytest.raises(DataError, match=r"^class a of the set: .* found 4$"):
        joint_folds(yardstick(own=4), 1, 0)
    with pytest.raises(DataError, match=r"^strangers: .* found 2$"):
        joint_folds(yardstick(kinds=2, things=0), 1, 0)


def test_classes_of_a_few_photos_each_are_folded_by_source_alone():
    photos = yardstick(sources=2, of_source=1)  # two of each class, six sources
    folds = joint_folds(photos, 1, 0)[0]
    assert set(folds[photos.wild]) == {0, 1, 2, 3, 4}


def test_an_interval_is_as_wide_as_sources_differ():
    each = np.array([f"s{i}" for i in range(40)])
    ten = np.array([f"s{i // 10}" for i in range(40)])
    right = np.array([1.0] * 20 + [0.0] * 20)  # right or wrong with the source
    low, high = clustered_interval(right, np.ones(40), each)
    assert (low, high) == (pytest.approx(0.35, abs=0.03), pytest.approx(0.65, abs=0.03))
    assert clustered_interval(right, np.ones(40), ten) == (0.0, 1.0)
    assert clustered_interval(np.ones(40), np.ones(40), ten) == (1.0, 1.0)


def test_an_interval_of_a_share_of_some_counts_only_those():
    sources = np.array(["a", "a", "b", "b"])
    assert clustered_interval(np.array([1, 0, 2, 0.0]), np.array([2, 0, 4, 0.0]), sources) == (0.5, 0.5)
    assert clustered_interval(np.zeros(4), np.zeros(4), sources) == (0.0, 1.0)


def test_a_summary_counts_classes_and_sources_alike():
    photos = yardstick(own=2, sources=2, of_source=2)
    answers = np.zeros((2, len(photos.photos), 3))
    answers[..., 0] = 0.5
    truth = np.where(photos.targets == STRANGER, 0, photos.targets)
    answers[:, np.arange(len(truth)), truth] = 0.9
    wrong = np.flatnonzero(photos.sources == "seller b 0")  # two of twelve photos
    answers[:, wrong] = [0.4, 0.3, 0.3]
    figures = summarize(answers, photos)
    assert figures["wild"] == pytest.approx(10 / 12)
    assert figures["mean_of_classes"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert figures["mean_of_sources"] == pytest.approx(5 / 6)
    assert figures["by_class"] == {"a": 1.0, "b": 0.5, "c": 1.0}
    assert figures["by_kind"] == {"cut": pytest.approx(5 / 6), "rough": pytest.approx(5 / 6)}
    assert (figures["top_half"], figures["own"]) == (1.0, 1.0)
    assert figures["wild_of_repeats"] == pytest.approx([10 / 12, 10 / 12])
