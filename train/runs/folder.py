"""A run's folder: every artefact written whole or not at all, so a run can be resumed.

A step that finds its artefact in the folder has nothing left to do; an interruption
costs the step it falls into, and `--resume` goes on from there.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from train.errors import RunFolderError
from train.recipes import Recipe

RECIPE = "recipe.json"
DATA = "data.json"
SPLIT = "split.json"
HISTORY = "history.json"
WEIGHTS = "network.weights.h5"
METRICS = "metrics.json"


class RunFolder:
    """The folder of one training run.

    Args:
        path: The folder; `start` creates it.
        recipe: What is to be trained.
        resume: Continue a folder that exists.

    Raises:
        RunFolderError: The folder exists and `resume` is off, or it holds another recipe.
    """

    def __init__(self, path: Path, recipe: Recipe, *, resume: bool = False) -> None:
        self.path = path
        self._config = json.loads(json.dumps(asdict(recipe)))
        if not path.exists():
            return
        if not resume:
            raise RunFolderError(f"{path} exists: give a new folder, or --resume to finish that run")
        if read_json(path / RECIPE) != self._config:
            raise RunFolderError(f"{path} was started with other settings: resume with those, or give a new folder")

    def start(self, data: Path, test: Path | None, weights: str) -> None:
        """Create the folder and note the recipe, where the photos are, and the base weights.

        Args:
            data: Folder of the photos; the export stage reads them again.
            test: The separate test folder, if any.
            weights: `imagenet`, or the sha256 of the file.

        Raises:
            RunFolderError: The folder was started with other base weights.
        """
        noted = self.path / DATA
        if noted.exists() and read_json(noted, "base_weights")["base_weights"] != weights:
            raise RunFolderError(f"{self.path} was started with other base weights: resume with those")
        write_json(self.path / RECIPE, self._config)
        places = {"data": str(data.resolve()), "test": None if test is None else str(test.resolve())}
        write_json(noted, {**places, "base_weights": weights})


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that has at least these keys.

    Raises:
        RunFolderError: The file is missing, or not such an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunFolderError(f"{path} is missing: {path.parent} is no finished run folder") from error
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


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it into place; a device is written to as it is."""
    if path.exists() and not path.is_file():
        write(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keras decides by the whole suffix (`.weights.h5`), so the name grows in front.
    unfinished = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _plain(value: object) -> object:
    """Turn numpy scalars and arrays into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
