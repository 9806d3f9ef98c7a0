"""Rebuild a trained network from its run folder: weights only, no stored code is run."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from train.data.layout import Part
from train.data.photos import Photo, find_photos
from train.data.splits import Split
from train.errors import DataError, RunFolderError
from train.files import read_json
from train.networks.network import build_network
from train.recipes import Recipe, recipe_from_json
from train.runs.folder import DATA, METRICS, RECIPE, SPLIT, WEIGHTS


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
    metrics = read_json(path / METRICS, "labels", "calibration")
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
    return FinishedRun(path, recipe, network, metrics, Split(read_json(path / SPLIT, "parts")["parts"]))


def run_photos(run: Path, split: Split, data: Path | None = None, test: Path | None = None) -> list[Photo]:
    """Find the photos of a run, by default where it found them.

    Args:
        run: The run's folder.
        split: Its split.
        data: Where its photos are now, if they have moved.
        test: Where its separate test photos are, likewise.

    Raises:
        DataError: They are gone or changed.
    """
    folder, test = noted_folders(run, data, test)
    photos = find_photos(folder, test)
    if {photo.sha256 for photo in photos} != split.parts.keys():
        raise DataError(f"{folder} does not hold the photos of {run}: give them with --data (and --test)")
    return photos


def noted_folders(run: Path, data: Path | None, test: Path | None) -> tuple[Path, Path | None]:
    """Return where a run's photos and its separate test photos, if any, are; by default where it found them."""
    noted = read_json(run / DATA, "data", "test")
    return data or Path(noted["data"]), test or (Path(noted["test"]) if noted["test"] else None)


def run_photos_of(run: Path, part: Part, data: Path | None = None) -> list[Photo]:
    """Find the photos of one part of a run, as `run_photos` does."""
    split = Split(read_json(run / SPLIT, "parts")["parts"])
    return split.photos(run_photos(run, split, data), part)
