"""Generated photos, a small VGG16 and small recipes: what the training tests run on."""

import hashlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import drawn
from train.data.photos import Photo, sha256_file
from train.fitting.crossval import cross_validate
from train.recipes import RECIPES, Augmentation, CachedViews, DenseHead, OnTheFly, PooledHead, Recipe

tf.config.experimental.enable_op_determinism()  # as the pipeline does, so that no test depends on the order

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}
SIDE_PX = 32  # the least that VGG16 takes


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A VGG16 of random weights, as a file."""
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


@pytest.fixture(scope="module")
def one_repeat() -> Iterator[None]:
    """Fold the photos once instead of five times, where the figures do not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cross_validate.__kwdefaults__, "repeats", 1)
        yield


def write_photos(folder: Path, count: int = 6, labels: Sequence[str] = tuple(COLOURS), seed: int = 0) -> Path:
    """Write `count` different photos of each colour to `folder/<label>/`."""
    for label in labels:
        (folder / label).mkdir(parents=True)
        for number in range(count):
            colour = COLOURS.get(label) or tuple(hashlib.sha256(label.encode()).digest()[:3])
            drawn(colour, seed=seed + number).save(folder / label / f"{label}_{number}.png")
    return folder


def photo(path: Path, label: str = "any", part: str | None = None) -> Photo:
    """Describe one file."""
    return Photo(path, label, sha256_file(path), part)


def pretend_photos(counts: dict[str, int], part: str | None = None) -> list[Photo]:
    """Return photos without files; each has a hash of its own."""
    return [
        Photo(Path(f"{part}/{label}/{number}.jpg"), label, f"{part}-{label}-{number}", part)
        for label, count in counts.items()
        for number in range(count)
    ]


def assert_close(actual: np.ndarray, expected: np.ndarray, share: float = 1e-5) -> None:
    """Check that no value is off by more than `share` of the largest expected one, which is not zero."""
    largest = np.abs(expected).max()
    assert largest > 0
    assert np.shape(actual) == np.shape(expected)
    assert np.abs(actual - expected).max() <= share * largest
