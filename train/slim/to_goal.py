"""`python -m train slim`: find the photos, slim to a goal, or as far as accuracy allows."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edge_infer.pictures.sources import STDIN, expand
from edge_infer.results import FailedInput
from train.data.dataset import RunData, read_run_data
from train.data.duplicates import duplicate_groups
from train.data.photos import Photo, sha256_file
from train.errors import DataError, GoalError, RunFolderError
from train.files import read_json, write_json
from train.progress import say
from train.runs.finished import load_run, noted_folders
from train.runs.folder import METRICS, SPLIT, WEIGHTS
from train.slim.distillation import Distillation
from train.slim.pipeline import Goal, check_goal, slim, teach

SETTINGS = "slim.json"
ROUNDING = 1e-9
SPEEDUPS = (24.0, 16.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0)


def slim_run(
    run_folder: Path,
    out: Path,
    goal: Goal | float,
    *,
    unlabelled: Sequence[str],
    settings: Distillation,
    data: Path | None,
    test: Path | None,
    resume: bool,
    mixed_precision: bool,
    cache: Path,
) -> dict[str, Any]:
    """Slim a finished run.

    Args:
        run_folder: The run.
        out: Run folder to write.
        goal: How slim, or how much accuracy in k-fold (0–1) may be lost at most.
        unlabelled: More pictures, as in `edge_infer.pictures.sources.expand`.
        settings: How to distil.
        data: The run's photos, if they are not where they were.
        test: Its separate test folder, likewise.
        resume: Finish an interrupted run.
        mixed_precision: As in `train.recipes.Recipe`.
        cache: Feature cache.

    Returns:
        The metrics.

    Raises:
        RunFolderError: The run is unfinished or slim already, `out` exists, or was started otherwise.
        DataError: Photos are missing.
        GoalError: No network is so fast, or none is within the allowed loss.
    """
    tf.config.experimental.enable_op_determinism()
    run = load_run(run_folder)
    keras.utils.set_random_seed(run.recipe.seed)
    if run.recipe.widths is not None:
        raise RunFolderError(f"{run_folder} is slim already: give the run that it was made from")
    if out.exists() and not resume:
        raise RunFolderError(f"{out} exists: give a new folder, or --resume to finish that run")
    if out.exists() and not (out / SETTINGS).exists():
        raise RunFolderError(f"{out} is no slim run: give a new folder")
    if isinstance(goal, Goal):
        check_goal(goal, run.recipe)
    run = replace(run, recipe=replace(run.recipe, mixed_precision=mixed_precision))
    folder, test_folder = noted_folders(run.path, data, test)
    run_data = read_run_data(run.recipe, folder, test_folder, run.path / SPLIT)
    photos, more = run_data.part_photos("train"), find_unlabelled(unlabelled, run_data)
    say(f"Learning from {len(photos)} training photos" + (f" and {len(more)} unlabelled pictures" * bool(unlabelled)))
    photos += more
    noted = {
        "run": sha256_file(run_folder / WEIGHTS),
        "goal": goal if isinstance(goal, float) else asdict(goal),
        "pictures": hashlib.sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest(),
        "mixed_precision": mixed_precision,
        **asdict(settings),
    }
    if (out / SETTINGS).exists() and read_json(out / SETTINGS) != noted:
        raise RunFolderError(f"{out} was started with other settings: resume with those, or give a new folder")
    write_json(out / SETTINGS, noted)
    if (out / METRICS).exists():
        return read_json(out / METRICS)
    teaching = teach(run.network.get_layer("vgg16"), run.recipe, photos, settings, cache)
    places = {"data": str(folder.resolve()), "test": test_folder and str(test_folder.resolve())}
    steps = partial(slim, run, run_data, teaching=teaching, cache=cache, places=places)
    return steps(goal=goal, out=out) if isinstance(goal, Goal) else _slim_within(goal, run.metrics, steps, out)


def _slim_within(
    max_drop: float, before: dict[str, Any], steps: Callable[..., dict[str, Any]], out: Path
) -> dict[str, Any]:
    """Try speed-ups, the highest first, and keep the first that loses no more accuracy than allowed."""
    for speedup in SPEEDUPS:
        candidate = out / f"speedup-{speedup:g}"
        metrics = steps(goal=Goal(speedup=speedup), out=candidate)
        full, slimmed = compared(before, metrics)
        say(f"{metrics['slim']['speedup']:.1f} times less to compute: {slimmed:.2%} right, before {full:.2%}")
        if full - slimmed <= max_drop + ROUNDING:
            # The metrics come last: a folder that has them is finished.
            for path in sorted(candidate.iterdir(), key=lambda path: path.name == METRICS):
                path.replace(out / path.name)
            for tried in out.glob("speedup-*"):
                shutil.rmtree(tried)
            return metrics
    raise GoalError(
        f"even half of the multiply-accumulates lose more than {max_drop:.1%}: give a new --out and a larger --max-drop"
    )


def compared(full: dict[str, Any], slim: dict[str, Any]) -> tuple[float, float]:
    """Return the accuracies by which a slim network is judged: in k-fold, or without one on the validation photos."""
    if full["kfold"] and slim["kfold"]:
        return full["kfold"]["mean_accuracy"], slim["kfold"]["mean_accuracy"]
    return full["validation"]["accuracy"], slim["validation"]["accuracy"]


def find_unlabelled(paths: Sequence[str], data: RunData) -> list[Photo]:
    """Find pictures to learn from without labels.

    Those that are, or nearly are, photos that the run is measured on are left out.

    Raises:
        DataError: A path leads to no picture.
    """
    known = {photo.sha256 for photo in data.photos}
    found = [photo for photo in find_pictures(paths) if photo.sha256 not in known]
    if not found:
        return []
    measured = [*data.part_photos("validation"), *data.part_photos("test")]
    groups = duplicate_groups([*measured, *found])
    taken = set(groups[: len(measured)])
    return [photo for photo, group in zip(found, groups[len(measured) :], strict=True) if group not in taken]


def find_pictures(paths: Sequence[str]) -> list[Photo]:
    """Find pictures without labels, each once.

    Raises:
        DataError: A path leads to no picture.
    """
    if STDIN in paths:
        raise DataError("unlabelled pictures are read several times, so they cannot come from standard input")
    found: dict[str, Photo] = {}
    for source in expand(paths, recursive=True, report=say):
        if isinstance(source, FailedInput):
            raise DataError(str(source.error))
        if not Path(source).is_file():
            raise DataError(f"unlabelled picture {source} does not exist")
        photo = Photo(Path(source), "", sha256_file(Path(source)))
        found[photo.sha256] = photo
    return list(found.values())
