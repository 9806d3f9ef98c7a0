"""Any file that Keras saves a model in: its architecture as plain JSON, its numbers by path."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_infer.model_file.mistaken import HEAD_BYTES, mistaken_for_model
from train.errors import KerasFileError
from train.imports.reading.apart import read_apart
from train.imports.reading.archive import unpack
from train.imports.reading.hdf5 import Tree

_HDF5_START = b"\x89HDF\r\n\x1a\n"
_ZIP_START = b"PK\x03\x04"
_SAVE_AGAIN = 'load it where it was made and save it again: model.save("model.h5")'


@dataclass(frozen=True, slots=True)
class KerasFile:
    """A saved model, as data.

    Attributes:
        name: What messages call it.
        architecture: The JSON object that says which layers there are, `class_name` and `config`.
        tree: The weights' file.
        keras_major: Which Keras wrote it: 1, 2 or 3.
    """

    name: str
    architecture: dict[str, Any]
    tree: Tree
    keras_major: int


def read_keras_file(path: Path, architecture: Path | None = None) -> KerasFile:
    """Read a `.keras` archive, a whole-model `.h5`, or `.weights.h5` with its architecture.

    Args:
        path: The file.
        architecture: What `model.to_json()` gave, for a file of weights alone.

    Raises:
        KerasFileError: Missing, of another kind, damaged, hostile, or without what it takes.
    """
    start = _start(path)
    if start.startswith(_ZIP_START):
        with TemporaryDirectory() as folder:
            weights = Path(folder) / "weights.h5"
            config, metadata = unpack(path, weights)
            tree = read_apart(weights, str(path))
        return _described(path, config, tree, _loads(metadata, f"{path}: its metadata").get("keras_version"))
    if not start.startswith(_HDF5_START):
        what = mistaken_for_model(start) or "not a Keras model: give a .keras or .h5 file"
        raise KerasFileError(f"{path} is {what}")
    tree = read_apart(path, str(path))
    text = tree.texts.get(("", "model_config"))
    version = tree.texts.get(("", "keras_version")) or tree.texts.get(("model_weights", "keras_version")) or (None,)
    if architecture is not None:
        return _described(path, _architecture_text(architecture), tree, version[0])
    if not text:
        raise KerasFileError(
            f"{path} holds weights without an architecture: give what model.to_json() writes with --architecture FILE"
        )
    return _described(path, text[0], tree, version[0])


def _start(path: Path) -> bytes:
    if path.is_dir():
        what = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise KerasFileError(f"{path} is {what}, which holds code: {_SAVE_AGAIN}")
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise KerasFileError(f"{path} does not exist: give a .keras or .h5 file") from error
    except OSError as error:
        raise KerasFileError(f"{path} cannot be read: {error.strerror}") from error


def _architecture_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KerasFileError(f"architecture {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise KerasFileError(f"architecture {path} is not JSON: give what model.to_json() writes") from error


def _described(path: Path, text: str, tree: Tree, version: object) -> KerasFile:
    architecture = _loads(text, f"{path}: its architecture")
    version = version or architecture.get("keras_version")
    if isinstance(version, str) and version[:1].isdigit():
        major = int(version[0])
    else:  # what Keras 3 writes names the module that each class lies in
        major = 3 if "module" in architecture else 2
    return KerasFile(str(path), architecture, tree, major)


def _loads(text: str, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KerasFileError(f"{what} is not JSON") from error
    if not isinstance(content, dict):
        raise KerasFileError(f"{what} is not a JSON object")
    return content
