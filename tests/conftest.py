"""What several test files need: the tiny model, drawn pictures, and the real data if it is there."""

import os

# Where every core has a process of its own, their threads would only wait for each other: a tenth of the suite's time.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")) >= (os.cpu_count() or 1):
    for threads in ("OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(threads, "1")

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.tiny_model import write_tiny_model

pytest_plugins = ["tests.support.browser", "tests.support.small_runs"]

DATA_VARIABLE = "EDGE_INFER_DATA"
WEIGHTS_VARIABLE = "EDGE_INFER_BASE_WEIGHTS"
# Who asks for a network of VGG16's size or for real photos works with them: seconds at least.
SLOW_FIXTURES = {"base_weights", "browser", "random_weights", "real_data"}


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests as slow that use a slow fixture, directly or through others."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that names a picture's main colour."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "colours.onnx")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with `gems/train` and `gems/test`."""
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        pytest.skip(f"{DATA_VARIABLE} does not name the folder of real photos")
    return Path(folder)


@pytest.fixture(scope="session")
def base_weights() -> str:
    """VGG16's ImageNet weights."""
    weights = os.environ.get(WEIGHTS_VARIABLE)
    if not weights:
        pytest.skip(f"{WEIGHTS_VARIABLE} does not name VGG16's weights")
    return weights


def drawn(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48), seed: int = 0) -> Image.Image:
    """Draw a picture of one colour with some grain, so that no two seeds give the same file."""
    grain = np.random.default_rng(seed).integers(-12, 13, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8))
