"""Finished runs on drawn photos, small enough to export in seconds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from export.output import Exported
from export.pipeline import export
from tests.train.conftest import cached_recipe, published_recipe, random_weights, write_photos
from train.data.dataset import Dataset
from train.pipeline import train
from train.recipes import KnownHead, Recipe
from train.runs.finished import load_run
from train.runs.folder import RunFolder

__all__ = ["cached_recipe", "published_recipe", "random_weights"]


def export_run(run_folder: Path, out: Path, *, data: Path | None = None) -> list[Exported]:
    """Export a run as fp32, as the command does."""
    run = load_run(run_folder)
    return export(run, run.folder.dataset(data), out)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"), count=8)


@pytest.fixture(scope="session")
def train_run(photos: Path, random_weights: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Path]:
    def run(recipe: Recipe) -> Path:
        folder = tmp_path_factory.mktemp("runs") / recipe.name
        cache = tmp_path_factory.mktemp("cache")
        train(recipe, Dataset(photos), RunFolder.begin(folder, recipe), weights=random_weights, cache=cache)
        return folder

    return run


@pytest.fixture(scope="session")
def pooled_run(train_run: Callable[[Recipe], Path], cached_recipe: Recipe) -> Path:
    """A run whose head sits on pooled maps."""
    return train_run(cached_recipe)


@pytest.fixture(scope="session")
def known_run(train_run: Callable[[Recipe], Path], cached_recipe: Recipe) -> Path:
    """A run whose network says whether a picture shows any of its classes."""
    known = KnownHead(inverse_l2=0.1, stranger_views=1, kept=0.8)
    head = replace(cached_recipe.head, pooling="energy", known=known)
    return train_run(replace(cached_recipe, name="small-known", head=head))


@pytest.fixture(scope="session")
def dense_run(train_run: Callable[[Recipe], Path], published_recipe: Recipe) -> Path:
    """A run whose head flattens the maps, as the published recipes do."""
    return train_run(published_recipe)
