"""Damaged Keras files: what reads them may refuse them, and must neither hang, crash nor run anything.

Apart from the other targets, since it takes h5py and Keras to write the seeds and TensorFlow to rebuild.
"""

import io
import json
import os
import signal
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from edge_infer.errors import EdgeInferError
from tests.fuzz.mutations import mutate
from train.errors import KerasFileError
from train.imports.imported import rebuild
from train.imports.reading import keras_file
from train.imports.reading.hdf5 import Tree, read_tree

SIDE = 8
GIVE_UP_CPU_S = 2
# Of any type and none of them likely, as JSON.
VALUES = [None, True, 0, -1, 3, 2**40, 1e308, "", "x", "linear", [], {}, [[]], [1, 1], [3, 3], {"class_name": "Dense"}]


@cache
def seeds() -> list[bytes]:
    """A small model as an archive and as HDF5."""
    model = keras.Sequential(
        [
            keras.layers.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".h5", ".keras"):
            path = Path(folder) / f"model{suffix}"
            model.save(path)
            files.append(path.read_bytes())
    return files


def make(rng: np.random.Generator) -> bytes:
    """Damage a file's bytes, or what its JSON says."""
    hdf5, archive = seeds()
    if rng.integers(2):
        return mutate(hdf5 if rng.integers(3) else archive, seeds(), rng)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    if rng.integers(4):
        config = json.loads(members["config.json"])
        for _ in range(rng.integers(1, 4)):
            _damage(config, rng)
        members["config.json"] = json.dumps(config).encode()
    else:
        members["model.weights.h5"] = mutate(members["model.weights.h5"], seeds(), rng)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as written:
        for name, content in members.items():
            written.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def run(data: bytes) -> str:
    """Read a file and rebuild its network; return `answered`, or raise a typed error."""
    with tempfile.TemporaryDirectory() as folder, patch.object(keras_file, "read_apart", read_forked):
        path = Path(folder) / "model"
        path.write_bytes(data)
        imported = rebuild(keras_file.read_keras_file(path))
    assert imported.classes >= 2, imported.classes
    assert all(np.isfinite(array).all() for array in imported.core.get_weights())
    return "answered"


def read_forked(path: Path, name: str) -> Tree:
    """Read HDF5 as `read_apart` does, in a fork: a new process would take a hundred times as long."""
    out = path.with_suffix(".outcome")
    if (child := os.fork()) == 0:
        _read_in_child(path, name, out)
    _, status = os.waitpid(child, 0)
    if status and os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGSEGV, signal.SIGABRT):
        raise KerasFileError(f"{name} is damaged: the HDF5 library cannot read it")
    outcome = out.read_text(encoding="utf-8")
    if outcome.startswith("finding"):
        raise AssertionError(outcome)
    if outcome != "read":
        raise KerasFileError(outcome)
    return read_tree(path, name)


def _read_in_child(path: Path, name: str, out: Path) -> None:
    outcome = "finding: nothing"
    try:
        signal.setitimer(signal.ITIMER_PROF, GIVE_UP_CPU_S)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        read_tree(path, name)
        outcome = "read"
    except EdgeInferError as error:
        outcome = str(error)
    except BaseException as error:
        outcome = f"finding: {error!r}"
    finally:
        out.write_text(outcome, encoding="utf-8")
        os._exit(0)


def _damage(config: object, rng: np.random.Generator) -> None:
    """Change one value, somewhere in a JSON object."""
    place = config
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(place[key], dict | list) and rng.integers(6):
            place = place[key]
            continue
        if rng.integers(5) or isinstance(place, list):
            place[key] = json.loads(json.dumps(VALUES[rng.integers(len(VALUES))]))
        else:
            del place[key]
        return
