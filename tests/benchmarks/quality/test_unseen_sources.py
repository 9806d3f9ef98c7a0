from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.quality import unseen_sources
from benchmarks.quality.unseen_sources import LeftOut, learned_from, measure
from tests.benchmarks.conftest import SlimmedRuns
from train.data.dataset import Elsewhere, Strangers
from train.data.elsewhere import Sourced
from train.data.photos import Photo
from train.data.run_data import read_run_data
from train.files import read_json
from train.fitting.crossval import photo_folds
from train.recipes import Recipe
from train.runs.finished import load_run
from train.slim.distillation import Distillation
from train.slim.goal import Goal
from train.slim.original import frozen_base


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


def test_a_slim_run_within_a_drop_is_made_again_for_a_fold(
    slimmed_runs: SlimmedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    slim = load_run(slimmed_runs.slim)
    used: list[tuple[Any, ...]] = []

    def already_slim(*arguments: Any) -> tuple[Recipe, Any]:
        used.append(arguments)
        return slim.recipe, slim.network.get_layer("vgg16")

    monkeypatch.setattr(unseen_sources, "slim_base", already_slim)
    options = {"--slim": slimmed_runs.slim, "--cache": slimmed_runs.cache, "--work": tmp_path, "--fold": 0}
    options["--json"] = tmp_path / "out.json"
    arguments = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(unseen_sources.main, [str(slimmed_runs.original), *arguments])
    assert done.exception is None
    ((_, _, head, teaching, goal, _),) = used
    assert goal == Goal(speedup=24.0)
    assert teaching.settings == Distillation(views=2, epochs=1, learning_rate=1e-6, wide_views=True)
    with np.load(slimmed_runs.original / "fold-0.head.npz") as kept:
        assert np.array_equal(head.kernel, kept["kernel"])
    measured = read_json(tmp_path / "out.json")
    assert (measured["folds"], measured["own"]["photos"], measured["elsewhere"]["photos"]) == ([0], 2, 2)


def test_the_head_that_chooses_channels_learns_from_no_label_of_the_fold(slimmed_runs: SlimmedRuns):
    run = load_run(slimmed_runs.original)
    run = replace(run, metrics=run.metrics | {"fine_tune": None})
    data = read_run_data(run.recipe, run.folder.dataset(), run.folder.split_path)
    folds = photo_folds(data.targets, data.groups, data.elsewhere, run.recipe.seed)
    chosen = np.flatnonzero(folds != 0)

    def kernel() -> np.ndarray:
        return unseen_sources.head_of_fold(0, chosen, run, data, frozen_base(run), slimmed_runs.cache).kernel

    before = kernel()
    own = np.flatnonzero(folds[: len(data.photos)] == 0)
    data.dataset.targets[own] = 1 - data.targets[own]
    assert np.array_equal(kernel(), before)
    data.dataset.targets[:] = 1 - data.targets
    assert not np.array_equal(kernel(), before)
