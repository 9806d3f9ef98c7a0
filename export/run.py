"""Rebuild a trained network from its run folder: weights only, no stored code is run."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from train.errors import RunFolderError
from train.network import build_network
from train.recipes import Recipe, recipe_from_json
from train.run_folder import METRICS, RECIPE, SPLIT, WEIGHTS, read_json
from train.splits import Split


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished training run.

    Attributes:
        path: Its folder.
        recipe: How it was trained.
        network: RGB pixels 0–255 `[N, H, W, 3]` -> logits `[N, C]`.
        metrics: What was measured.
        split: Which photo is for what.
    """

    path: Path
    recipe: Recipe
    network: keras.Model
    metrics: dict[str, Any]
    split: Split

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return tuple(self.metrics["labels"])

    @property
    def temperature(self) -> float:
        """The calibrated softmax temperature."""
        return float(self.metrics["calibration"]["temperature"])


def load_run(path: Path) -> FinishedRun:
    """Load a finished run.

    Raises:
        RunFolderError: The folder is missing, unfinished or damaged.
    """
    if not path.is_dir():
        raise RunFolderError(f"run folder {path} does not exist")
    if not (path / METRICS).exists():
        raise RunFolderError(f"{path} is no finished run: finish it with `python -m train … --out {path} --resume`")
    metrics = read_json(path / METRICS)
    try:
        recipe = replace(recipe_from_json(read_json(path / RECIPE)), mixed_precision=False)
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{path / RECIPE} is damaged: {error}") from error
    network = build_network(recipe, len(metrics["labels"]), weights=None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that the file lacks
            network.load_weights(path / WEIGHTS)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RunFolderError(f"{path / WEIGHTS} does not hold this network's weights: {reason}") from error
    return FinishedRun(path, recipe, network, metrics, Split(read_json(path / SPLIT)["parts"]))
