"""What measures a slim run makes its like again; a small fine-tuned run, slimmed within an allowed drop, is asked."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.levers import slim_looks
from benchmarks.quality import unseen_sources
from tests.support.small_runs import coarsely, folded_once
from tests.train.conftest import write_photos
from train.data.dataset import Dataset
from train.data.run_data import read_run_data
from train.files import read_json
from train.fitting.crossval import photo_folds
from train.pipeline import train
from train.recipes import FineTune, KnownHead, Recipe
from train.runs.finished import load_run
from train.runs.folder import RunFolder
from train.runs.slim_folder import SlimFolder
from train.slim.distillation import Distillation
from train.slim.goal import Goal
from train.slim.original import frozen_base
from train.slim.pipeline import slim


@dataclass(frozen=True)
class SlimmedRuns:
    """Where the runs are, and their cache."""

    original: Path
    slim: Path
    cache: Path


@pytest.fixture(scope="module")
def slimmed_runs(cached_recipe: Recipe, random_weights: str, tmp_path_factory: pytest.TempPathFactory) -> SlimmedRuns:
    """Train with photos from elsewhere and strangers, and slim with views that are changed further."""
    folder = tmp_path_factory.mktemp("slimmed")
    runs = SlimmedRuns(folder / "run", folder / "slim", folder / "cache")
    known = KnownHead(inverse_l2=0.1, stranger_views=1, kept=0.75)
    head = replace(cached_recipe.head, pooling="energy", known=known)
    tuned = FineTune(mode="always", learning_rate=1e-5, batch_size=8, epochs=1, blocks=1)
    recipe = replace(cached_recipe, head=head, fine_tune=tuned)
    labels = ("red", "blue")
    dataset = Dataset(
        write_photos(folder / "photos", count=5, labels=labels),
        more=[write_photos(folder / "more", count=5, labels=labels, seed=50)],
        others=[write_photos(folder / "others", count=1, labels=("a", "b", "c", "d", "e", "f"), seed=80)],
    )
    with folded_once(), coarsely():
        run = RunFolder.begin(runs.original, recipe)
        train(recipe, dataset, run, weights=random_weights, cache=runs.cache)
        slim(
            load_run(runs.original),
            dataset,
            SlimFolder(runs.slim),
            1.0,
            settings=Distillation(views=2, epochs=1, learning_rate=1e-6, wide_views=True),
            resume=False,
            mixed_precision=False,
            cache=runs.cache,
        )
    return runs


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


def test_the_slim_runs_own_settings_are_repeated(
    slimmed_runs: SlimmedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    used = []
    teach = slim_looks.teach
    monkeypatch.setattr(slim_looks, "teach", lambda *arguments: used.append(arguments[3]) or teach(*arguments))
    monkeypatch.setattr(slim_looks, "SHARES", (0.5,))
    options = {"--slim": slimmed_runs.slim, "--cache": slimmed_runs.cache, "--json": tmp_path / "out.json"}
    arguments = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(slim_looks.main, [str(slimmed_runs.original), *arguments])
    assert done.exception is None
    assert used == [Distillation(views=2, epochs=1, learning_rate=1e-6, wide_views=True)]
    rows = read_json(tmp_path / "out.json")["rows"]
    kfold = read_json(slimmed_runs.slim / "metrics.json")["elsewhere"]
    assert rows["whole photo"]["elsewhere"]["photos"] == kfold["photos"] == 10
    assert list(rows) == [
        *("whole photo", "middle 0.5 alone"),
        *(f"whole and middle 0.5{w}" for w in ("", " where unsure")),
    ]
