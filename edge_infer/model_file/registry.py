"""The models that come with the wheel: name -> file, checked against its sha256.

`models/manifest.json` is the only place that lists them; `python -m export bundle`
writes it.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge_infer.errors import ChecksumError, ModelFormatError, ModelNotFoundError

MODELS_DIR = Path(__file__).parents[1] / "models"
DETECTOR = "faces"  # the one that finds faces: no classifier


@dataclass(frozen=True, slots=True)
class BundledModel:
    """One entry of the manifest.

    Attributes:
        name: What `Classifier(name)` and `--task name` take.
        path: The file inside the installed package.
        sha256: Hex digest of the released file.
        size_bytes: Size of the released file.
        licence: SPDX expression.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    licence: str


@cache
def bundled_models() -> dict[str, BundledModel]:
    """Return the manifest's models by name.

    Raises:
        ModelFormatError: The manifest is missing or damaged, or names a file in another folder.
    """
    try:
        manifest = json.loads((MODELS_DIR / "manifest.json").read_text(encoding="utf-8"))
        return {name: _model(name, entry) for name, entry in manifest["models"].items()}
    except FileNotFoundError as error:
        frozen = " and freeze it with `--collect-data edge_infer`" if getattr(sys, "frozen", False) else ""
        raise ModelFormatError(f"the bundled models are missing: reinstall edge-infer{frozen}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFormatError("the list of bundled models is damaged: reinstall edge-infer") from error


def _model(name: str, entry: dict[str, Any]) -> BundledModel:
    file: str = entry["file"]
    if Path(file).name != file:
        raise ValueError(f"{file} is not a file name")
    return BundledModel(name, MODELS_DIR / file, entry["sha256"], entry["bytes"], entry["licence"])


def find_model(name_or_path: str | Path) -> tuple[Path, str | None]:
    """Resolve a bundled name or a path.

    Returns:
        The file, and the sha256 it must have (None for a file of the user's own).

    Raises:
        ModelNotFoundError: Neither a bundled name nor an existing file, or it cannot be looked at.
    """
    bundled = bundled_models().get(str(name_or_path))
    if bundled is not None:
        return bundled.path, bundled.sha256
    path = Path(name_or_path)
    if "://" in str(name_or_path):
        raise ModelNotFoundError(f"{name_or_path} is an address, not a file: download it first")
    try:
        is_file, is_folder = path.is_file(), name_or_path != "" and path.is_dir()
    except OSError as error:
        raise ModelNotFoundError(f"model file {path} cannot be read: {error.strerror}") from error
    if is_file:
        return path, None
    if is_folder:
        raise ModelNotFoundError(f"{path} is a folder: give an .onnx file (--model FILE)")
    if path.suffix == ".onnx" or path.parent != Path():
        raise ModelNotFoundError(f"model file {path} does not exist")
    names = ", ".join(name for name in bundled_models() if name != DETECTOR) or "none in this version"
    raise ModelNotFoundError(
        f"no bundled model is named {str(name_or_path)!r} (bundled: {names}); "
        "give the path of an .onnx file made by `python -m export` (--model FILE)"
    )


def check_sha256(data: bytes, expected: str, path: Path) -> None:
    """Refuse bytes that are not the released ones.

    Raises:
        ChecksumError: The digest differs.
    """
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise ChecksumError(
            f"bundled model {path.name} is damaged (its sha256 is {actual[:12]}…, not {expected[:12]}…): "
            "reinstall edge-infer"
        )
