"""Files with code or links to elsewhere, given where weights belong: nothing of them is run or followed."""

import pickle
from pathlib import Path

import h5py
import keras
import pytest

from tests.support.small_runs import SIDE_PX
from train.errors import WeightsError
from train.networks.network import build_base
from train.recipes import Recipe


class Dangerous:
    """Runs code when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


def model_with_code(marker: Path) -> keras.Model:
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    path = str(marker)
    layer = keras.layers.Lambda(lambda x: (open(path, "w").close(), x)[1])  # noqa: PTH123
    return keras.Model(image, keras.layers.Conv2D(2, 3)(layer(image)))


def saved_model(folder: Path, marker: Path, suffix: str) -> Path:
    path = folder / f"model{suffix}"
    model_with_code(marker).save(path)
    return path


def pickled(folder: Path, marker: Path) -> Path:
    path = folder / "model.weights.h5"
    path.write_bytes(pickle.dumps(Dangerous(marker)))
    return path


def linked(folder: Path, marker: Path) -> Path:
    """Write weights whose first kernel lies in another file, as HDF5 allows."""
    path = folder / "model.weights.h5"
    secret = folder / "secret.bin"
    secret.write_bytes(bytes(3 * 3 * 3 * 64 * 4))
    keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIDE_PX, SIDE_PX, 3)).save_weights(path)
    with h5py.File(path, "r+") as file:
        values = file["layers/conv2d/vars"]
        del values["0"]
        values.create_dataset("0", (3, 3, 3, 64), "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    return path


HOSTILE = {
    ".keras with Lambda": lambda folder, marker: saved_model(folder, marker, ".keras"),
    ".h5 with Lambda": lambda folder, marker: saved_model(folder, marker, ".h5"),
    "pickle": pickled,
    "weights in another file": linked,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_weights_are_refused_and_nothing_of_them_is_run(tmp_path: Path, cached_recipe: Recipe, kind: str):
    marker = tmp_path / "code was run"
    path = HOSTILE[kind](tmp_path, marker)
    marker.unlink(missing_ok=True)  # building the model ran its layer

    with pytest.raises(WeightsError, match="do not fit VGG16 without top"):
        build_base(cached_recipe, str(path))

    assert not marker.exists()
