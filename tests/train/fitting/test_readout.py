"""Readouts find a linear map, and heads behind one are the same once they are folded."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from train.fitting.head import LinearHead
from train.fitting.known import KnownOutput
from train.fitting.pooled import CachedTraining
from train.fitting.readout import Answered, Readout, Readouts, beside_own, fit_readout
from train.recipes import RECIPES

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(3, 2, (400, 6)).astype(np.float32)
KERNEL, BIAS = RNG.normal(size=(6, 9)).astype(np.float32), RNG.normal(size=9).astype(np.float32)


def test_a_linear_map_is_found():
    readout = fit_readout(FEATURES, FEATURES @ KERNEL + BIAS)
    wanted = FEATURES @ KERNEL + BIAS
    assert readout.kernel.shape == (6, 9)
    assert ((readout.read(FEATURES) - wanted) ** 2).mean() < 1e-4 * wanted.var()


def test_what_cannot_be_told_becomes_its_mean():
    noise = RNG.normal(5, 1, (400, 2)).astype(np.float32)
    read = fit_readout(FEATURES, noise).read(FEATURES)
    assert read.mean(axis=0) == pytest.approx(noise.mean(axis=0), abs=1e-3)
    assert read.std() < 0.2


def test_a_feature_that_lies_still_is_no_obstacle():
    still = FEATURES.copy()
    still[:, 2] = 1.0
    assert np.isfinite(fit_readout(still, FEATURES @ KERNEL).kernel).all()


def test_a_folded_head_answers_as_one_behind_the_map():
    readout, head = Readout(KERNEL, BIAS), LinearHead(RNG.normal(size=(9, 3)).astype(np.float32), np.arange(3.0))
    np.testing.assert_allclose(
        readout.fold(head).logits(FEATURES), head.logits(readout.read(FEATURES)), rtol=1e-4, atol=1e-4
    )
    known = KnownOutput(RNG.normal(size=(9, 4)).astype(np.float32) / 9, np.zeros(4, np.float32), 0.5)
    np.testing.assert_allclose(
        readout.fold_known(known).known(FEATURES), known.known(readout.read(FEATURES)), rtol=1e-4, atol=1e-5
    )


def test_own_features_come_first_and_vary_as_much_as_what_is_read():
    both = beside_own(Readout(KERNEL, BIAS), FEATURES).read(FEATURES)
    assert both.shape == (400, 15)
    np.testing.assert_allclose(both[:, :6] / both[:1, :6], FEATURES / FEATURES[:1], rtol=1e-4)
    deviations = both.std(axis=0)
    assert deviations[:6].mean() == pytest.approx(1, rel=1e-3)
    assert deviations[6:].mean() == pytest.approx(1, rel=1e-3)


def test_what_a_fine_tuned_original_answers_has_half_a_say():
    targets = np.argmax(FEATURES @ KERNEL[:, :3] + BIAS[:3], axis=1)
    photos = [SimpleNamespace(sha256=str(place)) for place in range(len(FEATURES))]
    data = SimpleNamespace(photos=photos, elsewhere=SimpleNamespace(photos=()))
    learned = CachedTraining(RECIPES["gems"], data, None, {}, FEATURES[np.newaxis], targets)  # type: ignore[arg-type]
    logits = (FEATURES @ KERNEL[:, :3])[np.newaxis]
    logits[:, 300:] = 0  # of photos that are held out: nothing may come of them
    answered = Answered([photo.sha256 for photo in photos], FEATURES[np.newaxis], logits)
    readouts = Readouts(None, None, answered)
    labels_alone, both = learned.fit(np.arange(300)), replace(learned, readouts=readouts).fit(np.arange(300))
    mean = (labels_alone.logits(FEATURES) + FEATURES @ KERNEL[:, :3]) / 2
    np.testing.assert_allclose(both.logits(FEATURES), mean, atol=0.1)
    assert np.abs(mean - labels_alone.logits(FEATURES)).max() > 1
