"""JSON files: read with their faults named, written whole or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edge_infer.atomic_files import write_atomic
from train.errors import RunFolderError


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that has at least these keys.

    Raises:
        RunFolderError: The file is missing, or not such an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunFolderError(f"{path} is missing: {path.parent} is not a finished run folder") from error
    except ValueError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path} is damaged: not a JSON object")
    if missing := [key for key in keys if key not in content]:
        raise RunFolderError(f"{path} is damaged: it lacks {missing[0]}")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    write_atomic(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Let a folder appear with all that is written into it, or not at all.

    Args:
        folder: The folder, which does not exist.

    Yields:
        Where to write: a folder beside it, which does not exist either.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        yield unfinished
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _plain(value: object) -> object:
    """Turn numpy scalars and arrays into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
