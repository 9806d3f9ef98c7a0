"""Generated photos: what the training tests run on, besides the small recipes of tests/support/small_runs.py."""

import hashlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.conftest import drawn
from train.data.photos import Photo, sha256_file

tf.config.experimental.enable_op_determinism()  # as the pipeline does, so that no test depends on the order

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}


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
