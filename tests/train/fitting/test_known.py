"""What is known: learned from strangers, or from how little the classes respond."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from train.data.dataset import Strangers
from train.data.elsewhere import Sourced
from train.data.photos import Photo
from train.fitting.head import STRANGE_DEVIATIONS, LinearHead, familiarity
from train.fitting.known import fit_known, free_energy_known, stranger_weights
from train.recipes import KnownHead


def test_strangers_are_told_from_both_classes():
    rng = np.random.default_rng(0)
    centres = np.array([[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    objects = centres.repeat(30, axis=0) + rng.normal(0, 0.3, (90, 3))
    rows = np.hstack([objects, rng.normal(1, 0.1, (90, 3))])
    photos = (rows[np.newaxis, :60], np.arange(2).repeat(30), np.ones(60))
    fitted = fit_known(photos, (np.stack([rows[60:]] * 2), np.ones(30)), 2, inverse_l2=1.0)
    known = fitted.known(rows)
    assert known[:60].min() > 0.8
    assert known[60:].max() < 0.2
    assert fitted.kernel.shape == (6, 4)


def test_a_scene_unlike_all_that_was_learned_from_is_not_known():
    """The object alone would pass for one of the classes."""
    rng = np.random.default_rng(0)
    objects = np.array([[3.0, 0], [0, 3.0], [-3.0, -3.0]]).repeat(30, axis=0) + rng.normal(0, 0.3, (90, 2))
    rows = np.hstack([objects, rng.normal(1, 0.1, (90, 2))])
    photos = (rows[np.newaxis, :60], np.arange(2).repeat(30), np.ones(60))
    fitted = fit_known(photos, (rows[np.newaxis, 60:], np.ones(30)), 2, inverse_l2=1.0)
    same_objects = np.hstack([objects[:60], np.full((60, 2), -1.0)])
    assert fitted.known(rows[:60]).min() > 0.8
    assert fitted.known(same_objects).max() < 0.01


def test_strangers_weigh_as_much_as_photos_however_many_there_are():
    """Where nothing distinguishes them, half is known of what is perfectly familiar."""
    photos = (np.ones((1, 60, 2)), np.arange(2).repeat(30), np.ones(60))
    for count in (6, 600):
        fitted = fit_known(photos, (np.ones((2, count, 2)), np.full(count, 7.0)), 2, inverse_l2=1.0)
        assert fitted.known(np.ones((1, 2))) == pytest.approx(0.5 * expit(STRANGE_DEVIATIONS), abs=1e-3)


def test_without_strangers_it_is_the_free_energy_of_what_is_familiar():
    rng = np.random.default_rng(1)
    head = LinearHead(rng.normal(0, 1, (4, 3)).astype(np.float32), np.array([0.1, 0.2, 0.3], np.float32))
    features = rng.normal(0, 1, (50, 8)).astype(np.float32)
    logits = head.logits(features[:, :4])
    energies = logsumexp(logits, axis=1)
    known = free_energy_known(head, logits, features).known(features)
    direction, bias = familiarity(features[:, 4:])
    familiar = expit(features[:, 4:] @ direction + bias)
    assert known == pytest.approx(expit(3 * ((energies - energies.mean()) / energies.std() + 1.5)) * familiar, rel=1e-4)
    assert np.ptp(familiar) > 0.01


def test_a_part_counts_as_the_recipe_says_or_as_much_as_any_other():
    parts = ("stones", "stones", "stones", "things")
    strangers = Strangers(
        tuple(Sourced(Photo(Path("a"), "", str(i)), "s", "k", part) for i, part in enumerate(parts)), np.arange(4)
    )
    named = KnownHead(inverse_l2=1, stranger_views=1, part_weights={"things": 32})
    assert stranger_weights(strangers, named).tolist() == [1, 1, 1, 32]
    unnamed = KnownHead(inverse_l2=1, stranger_views=1)
    assert stranger_weights(strangers, unnamed).tolist() == [1 / 3, 1 / 3, 1 / 3, 1]
