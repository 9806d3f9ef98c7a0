"""A run's folder: every artefact written whole or not at all, so a run can be resumed.

A step that finds its artefact in the folder has nothing left to do; an interruption
costs the step it falls into, and `--resume` goes on from there.
"""

import json
from dataclasses import asdict
from pathlib import Path

from train.errors import RunFolderError
from train.files import read_json, write_json
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
