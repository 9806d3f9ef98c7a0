"""Rebuild a trained network from its run folder: weights only, no stored code is run."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from train.data.dataset import Dataset
from train.data.run_data import RunData
from train.data.splits import Split
from train.errors import DataError, RunFolderError
from train.networks.network import build_network
from train.recipes import Recipe
from train.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished training run.

    Attributes:
        folder: Its folder.
        recipe: How it was trained.
        network: RGB pixels 0–255 `[N, H, W, 3]` -> logits `[N, C]`.
        metrics: What was measured.
        split: Which photo is for what.
    """

    folder: RunFolder
    recipe: Recipe
    network: keras.Model
    metrics: dict[str, Any]
    split: Split

    @property
    def path(self) -> Path:
        """Its folder's path."""
        return self.folder.path

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return tuple(self.metrics["labels"])

    @property
    def temperature(self) -> float:
        """The calibrated softmax temperature."""
        return float(self.metrics["calibration"]["temperature"])

    def data(self, dataset: Dataset) -> RunData:
        """Return the run's photos with its split.

        Raises:
            DataError: They are gone or changed, or lie under other labels.
        """
        data = self.folder.data(dataset)
        if data.labels != self.labels:
            raise DataError(
                f"the classes of {dataset.folder} ({', '.join(data.labels)}) are not those of {self.path} "
                f"({', '.join(self.labels)}): give the run's photos with --data"
            )
        return data


def load_run(path: Path) -> FinishedRun:
    """Load a finished run.

    Raises:
        RunFolderError: The folder is missing, unfinished or damaged.
    """
    folder = RunFolder(path)
    if not path.is_dir():
        raise RunFolderError(f"run folder {path} does not exist")
    if not folder.is_finished:
        raise RunFolderError(f"{path} is no finished run: finish it with `python -m train … --out {path} --resume`")
    metrics = folder.metrics("labels", "calibration")
    recipe = replace(folder.recipe, mixed_precision=False)
    network = build_network(recipe, len(metrics["labels"]), weights=None)
    folder.load_weights(network)
    return FinishedRun(folder, recipe, network, metrics, folder.split())
