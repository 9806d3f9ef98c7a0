"""Rebuild a trained network from its run folder: weights only, no stored code is run."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import load_input
from train.data.dataset import Dataset
from train.data.photos import Photo
from train.data.run_data import RunData
from train.data.splits import Split
from train.errors import DataError, RunFolderError
from train.networks.network import build_network
from train.recipes import Recipe
from train.runs.folder import RunFolder
from train.views.features import input_spec, load_view


@dataclass(frozen=True, slots=True)
class LoadedRun(ABC):
    """A finished run, whatever made its network.

    Attributes:
        folder: Its folder.
        network: RGB pixels 0–255 `[N, H, W, 3]` -> logits `[N, C]`.
        metrics: What was measured.
        split: Which photo is for what.
    """

    folder: RunFolder
    network: keras.Model
    metrics: dict[str, Any]
    split: Split

    @property
    @abstractmethod
    def name(self) -> str:
        """What its model is called, unless the user names it."""

    @property
    @abstractmethod
    def spec(self) -> InputSpec:
        """Its network's input."""

    @property
    def is_slim(self) -> bool:
        """Whether its network was slimmed."""
        return False

    def load(self, photo: Photo) -> npt.NDArray[np.uint8]:
        """Load a photo as the device will see it, `uint8 [H, W, 3]`, RGB.

        Raises:
            InputError: It cannot be decoded.
        """
        return load_input(photo.path, self.spec)

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


@dataclass(frozen=True, slots=True)
class FinishedRun(LoadedRun):
    """A finished training run.

    Attributes:
        recipe: How it was trained.
    """

    recipe: Recipe

    @property
    def name(self) -> str:
        """The recipe's name, or the run folder's where the recipe has no task of its own."""
        return self.recipe.name if self.recipe.task else self.path.resolve().name

    @property
    def spec(self) -> InputSpec:
        """Its recipe's input."""
        return input_spec(self.recipe)

    @property
    def is_slim(self) -> bool:
        """Whether its recipe has widths of its own."""
        return self.recipe.widths is not None

    def load(self, photo: Photo) -> npt.NDArray[np.uint8]:
        """Load a photo as the device will see it: for a recipe of faces, the face in it."""
        return load_view(photo, 0, self.recipe)


def load_run(path: Path) -> FinishedRun:
    """Load a finished run.

    Raises:
        RunFolderError: The folder is missing, unfinished or damaged.
    """
    folder = RunFolder(path)
    if not path.is_dir():
        raise RunFolderError(f"run folder {path} does not exist")
    if not folder.is_finished:
        raise RunFolderError(f"{path} is not a finished run: finish it with `python -m train … --out {path} --resume`")
    if folder.is_imported:
        raise RunFolderError(
            f"{path} holds an imported network: only `python -m train slim` and `python -m export` take it"
        )
    metrics = folder.metrics("labels", "calibration")
    recipe = replace(folder.recipe, mixed_precision=False)
    network = build_network(recipe, len(metrics["labels"]), weights=None)
    folder.load_weights(network)
    return FinishedRun(folder, network, metrics, folder.split(), recipe)
