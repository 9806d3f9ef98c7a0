"""Finished runs on drawn photos, small enough to export in seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.train.conftest import cached_recipe, published_recipe, random_weights, write_photos
from train.pipeline import train
from train.recipes import Recipe
from train.runs.folder import RunFolder

__all__ = ["cached_recipe", "published_recipe", "random_weights"]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"), count=8)


@pytest.fixture(scope="session")
def train_run(photos: Path, random_weights: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Path]:
    def run(recipe: Recipe) -> Path:
        folder = tmp_path_factory.mktemp("runs") / recipe.name
        cache = tmp_path_factory.mktemp("cache")
        train(recipe, photos, None, RunFolder(folder, recipe), weights=random_weights, cache=cache)
        return folder

    return run


@pytest.fixture(scope="session")
def pooled_run(train_run: Callable[[Recipe], Path], cached_recipe: Recipe) -> Path:
    """A run whose head sits on pooled maps."""
    return train_run(cached_recipe)


@pytest.fixture(scope="session")
def dense_run(train_run: Callable[[Recipe], Path], published_recipe: Recipe) -> Path:
    """A run whose head flattens the maps, as the published recipes do."""
    return train_run(published_recipe)
