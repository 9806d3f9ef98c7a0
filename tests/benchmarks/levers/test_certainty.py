"""Thresholds keep the set's own right answers, and the figures count what is certain."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.levers.certainty import Answers, answer, certainty, known_threshold
from benchmarks.levers.folds import joint_folds
from benchmarks.levers.measure import Lever
from benchmarks.levers.views import random_views
from benchmarks.levers.yardstick import ASKED
from tests.benchmarks.levers.test_measure import MadeUpFeatures
from tests.benchmarks.levers.yardsticks import yardstick


def right_answers(photos, score: float = 0.9) -> np.ndarray:
    probabilities = np.full((1, len(photos.photos), 3), (1 - score) / 2)
    probabilities[0, np.arange(len(photos.photos)), np.maximum(photos.targets, 0)] = score
    return probabilities


def test_the_threshold_is_the_largest_that_keeps_enough():
    photos = yardstick(own=98)  # 300 own photos, the test's included
    known = np.zeros((1, len(photos.photos)))
    known[0, photos.own] = np.linspace(0.001, 0.3, 300)
    answers = Answers(right_answers(photos), known)
    threshold = known_threshold(answers, photos)
    assert threshold == pytest.approx(0.028)  # 273 of 300, 91 %; one more would leave 272
    assert (known[0, photos.own] >= threshold).sum() == 273
    # answers below the score are lost already, so less can be asked of `known`
    answers.probabilities[0, np.flatnonzero(photos.own)[-20:]] = [0.3, 0.3, 0.4]
    assert known_threshold(answers, photos) == pytest.approx(0.008)


def test_without_enough_sure_answers_the_score_alone_decides():
    photos = yardstick()
    answers = Answers(right_answers(photos, score=0.5), np.ones((1, len(photos.photos))))
    assert known_threshold(answers, photos) == 0.0


def test_figures_count_what_is_certain():
    photos = yardstick(sources=4, of_source=2)
    photos = replace(photos, parts=np.where(photos.sources == "shop 0", ASKED, photos.parts))
    probabilities, known = right_answers(photos), np.where(photos.labelled, 0.9, 0.1)[np.newaxis]
    wild = np.flatnonzero(photos.wild)  # 24: rough and cut by turns
    probabilities[0, wild[0]] = [0.05, 0.9, 0.05]  # certain and wrong, of class a, rough
    known[0, wild[1]] = 0.2  # unknown, and right
    known[0, np.flatnonzero(photos.parts == "things")[:5]] = 0.95
    known[0, np.flatnonzero(photos.parts == ASKED)[0]] = 0.95
    figures = certainty(Answers(probabilities, known), photos)
    assert (figures["known"], figures["own_kept"]) == (0.9, 1.0)
    assert figures["wild_certain"] == pytest.approx(23 / 24)
    assert figures["wild_right_of_certain"] == pytest.approx(22 / 23)
    assert figures["strangers_certain"] == {"other_stones": 0.0, "things": 0.5, ASKED: 0.5}
    assert figures["kinds"]["rough"] == {
        "photos": 12,
        "right": pytest.approx(11 / 12),
        "certain": 1.0,
        "right_of_certain": pytest.approx(11 / 12),
    }
    assert figures["classes"]["b"] == {"photos": 8, "right": 1.0, "certain": 1.0, "right_of_certain": 1.0}
    low, high = figures["wild_right_of_certain_95"]
    assert low < 22 / 23 < high


def test_a_known_head_learns_strangers_and_the_label_head_does_not():
    photos = yardstick()
    lever = Lever("x", train=random_views(1), pooling="eg2")
    answers = answer(lever, photos, joint_folds(photos, 1, 0), MadeUpFeatures())
    assert answers.probabilities.shape == (1, len(photos.photos), 3)
    assert (answers.probabilities[0].argmax(axis=1) == photos.targets)[photos.labelled].all()
    assert answers.known[0, photos.labelled].min() > answers.known[0, photos.strangers].max()
