"""Photos that the imported networks of the tests know."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import drawn
from tests.train.imports.colours import COLOURS, PHOTOS_A_CLASS


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for label, colour in COLOURS.items():
        (folder / label).mkdir()
        for number in range(PHOTOS_A_CLASS):
            rng = np.random.default_rng([number, *colour])
            near = tuple(int(value) for value in np.clip(np.array(colour) + rng.integers(-17, 18, 3), 0, 255))
            drawn(near, size=(24, 20), seed=number).save(folder / label / f"{number}.png")
    return folder
