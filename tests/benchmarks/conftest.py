"""A small fine-tuned run, and the slim run within an allowed drop that was made of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.small_runs import eagerly, folded_once
from train.recipes import FineTune, KnownHead, Recipe


@dataclass(frozen=True)
class SlimmedRuns:
    """Where the runs are, and their cache."""

    original: Path
    slim: Path
    cache: Path


@contextmanager
def coarsely() -> Iterator[None]:
    """Slim in seconds: measure layers at few widths and on few patches, and train without tracing."""
    from train.slim import pruning, sensitivity

    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "_SHARES", (1 / 16, 1 / 4))
        patch.setattr(pruning, "PATCHES_A_LAYER", 1024)
        yield


@pytest.fixture(scope="session")
def slimmed_runs(cached_recipe: Recipe, random_weights: str, tmp_path_factory: pytest.TempPathFactory) -> SlimmedRuns:
    """Train with photos from elsewhere and strangers, and slim with views that are changed further."""
    from tests.train.conftest import write_photos
    from train.data.dataset import Dataset
    from train.pipeline import train
    from train.runs.finished import load_run
    from train.runs.folder import RunFolder
    from train.runs.slim_folder import SlimFolder
    from train.slim.distillation import Distillation
    from train.slim.pipeline import slim

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
