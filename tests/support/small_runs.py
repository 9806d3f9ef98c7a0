"""Small VGG16 weights, recipes and finished runs that several rooms use: made once a session, not once a room.

A plugin of all tests (tests/conftest.py), so it imports TensorFlow late: most tests need none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import pytest

from train.recipes import RECIPES, Augmentation, CachedViews, DenseHead, KnownHead, OnTheFly, PooledHead, Recipe

SIDE_PX = 32  # the least that VGG16 takes
VIEWS_A_ROUND = 32

TrainRun = Callable[[Recipe], Path]


@contextmanager
def folded_once() -> Iterator[None]:
    """Fold the photos once instead of five times, where the figures do not matter."""
    from train.fitting.crossval import cross_validate

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cross_validate.__kwdefaults__, "repeats", 1)
        yield


@contextmanager
def eagerly() -> Iterator[None]:
    """Train without tracing: at a step or two a fit, the trace takes many times as long as what it computes."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", partialmethod(keras.Model.compile, run_eagerly=True))
        yield


@contextmanager
def coarsely() -> Iterator[None]:
    """Slim in seconds: measure layers at few widths and on few patches, and teach in short rounds without tracing."""
    from train.slim import distillation, pruning, sensitivity

    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "_SHARES", (1 / 16, 1 / 4))
        patch.setattr(pruning, "PATCHES_A_LAYER", 1024)
        patch.setattr(distillation, "VIEWS_A_ROUND", VIEWS_A_ROUND)
        yield


@pytest.fixture(scope="module")
def one_repeat() -> Iterator[None]:
    """Fold the photos once instead of five times, where the figures do not matter."""
    with folded_once():
        yield


@pytest.fixture(scope="module")
def eager_fits() -> Iterator[None]:
    """Train without tracing, as `eagerly` does."""
    with eagerly():
        yield


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A VGG16 of random weights, as a file."""
    import keras

    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    keras.utils.set_random_seed(0)
    keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIDE_PX, SIDE_PX, 3)).save_weights(path)
    return str(path)


@pytest.fixture(scope="session")
def cached_recipe() -> Recipe:
    """Our recipe in small: two views of photos of 32 pixels, plain averages, and nothing said of what is known."""
    head = PooledHead(RECIPES["custom"].pooled_head.taps, inverse_l2=0.1)
    return replace(RECIPES["custom"], name="small", image_size=SIDE_PX, head=head, schedule=CachedViews(views=2))


@pytest.fixture(scope="session")
def published_recipe() -> Recipe:
    """A published recipe in small: two hidden layers, dropout, two epochs."""
    return replace(
        RECIPES["custom"],
        name="small-published",
        image_size=SIDE_PX,
        preprocessing="unit",
        head=DenseHead(units=(8, 6), dropout=0.5),
        schedule=OnTheFly(optimizer="adam", learning_rate=1e-2, batch_size=8, epochs=2),
        augmentation=Augmentation(rotation_deg=20, horizontal_flip=True),
        fine_tune=None,
        published=True,
    )


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn photos of each of three colours, small enough to train on and export in seconds."""
    from tests.train.conftest import write_photos

    return write_photos(tmp_path_factory.mktemp("photos"), count=8)


@pytest.fixture(scope="session")
def train_run(photos: Path, random_weights: str, tmp_path_factory: pytest.TempPathFactory) -> TrainRun:
    """Train a recipe on the photos and return the run folder."""
    from train.data.dataset import Dataset
    from train.pipeline import train
    from train.runs.folder import RunFolder

    cache = tmp_path_factory.mktemp("cache")

    def run(recipe: Recipe) -> Path:
        folder = tmp_path_factory.mktemp("runs") / recipe.name
        with folded_once():
            train(recipe, Dataset(photos), RunFolder.begin(folder, recipe), weights=random_weights, cache=cache)
        return folder

    return run


@pytest.fixture(scope="session")
def pooled_run(train_run: TrainRun, cached_recipe: Recipe) -> Path:
    """A run whose head sits on pooled maps."""
    return train_run(cached_recipe)


@pytest.fixture(scope="session")
def known_run(train_run: TrainRun, cached_recipe: Recipe) -> Path:
    """A run whose network says whether a picture shows any of its classes."""
    known = KnownHead(inverse_l2=0.1, stranger_views=1, kept=0.8)
    head = replace(cached_recipe.head, pooling="energy", known=known)
    return train_run(replace(cached_recipe, name="small-known", head=head))


@pytest.fixture(scope="session")
def dense_run(train_run: TrainRun, published_recipe: Recipe) -> Path:
    """A run whose head flattens the maps, as the published recipes do."""
    return train_run(published_recipe)
