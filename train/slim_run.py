"""`python -m train slim`: find the photos, slim to a goal, or as far as accuracy allows."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edge_infer.results import FailedInput
from edge_infer.sources import expand
from train.distillation import Distillation
from train.duplicates import duplicate_groups
from train.errors import DataError, RunFolderError
from train.finished_run import FinishedRun, load_run
from train.photos import Photo, sha256_file
from train.progress import say
from train.run_data import RunData, read_run_data
from train.run_folder import DATA, METRICS, SPLIT, WEIGHTS, read_json, write_json
from train.slimming import Goal, slim, teach

SETTINGS = "slim.json"
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
        unlabelled: More pictures, as in `edge_infer.sources.expand`.
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
        DataError: Photos are missing, or no network is within the allowed loss.
    """
    run = load_run(run_folder)
    if run.recipe.widths is not None:
        raise RunFolderError(f"{run_folder} is slim already: give the run that it was made from")
    if out.exists() and not resume:
        raise RunFolderError(f"{out} exists: give a new folder, or --resume to finish that run")
    run = replace(run, recipe=replace(run.recipe, mixed_precision=mixed_precision))
    run_data = run_data_of(run, data, test)
    photos = [*run_data.part_photos("train"), *find_unlabelled(unlabelled, run_data)]
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
    if isinstance(goal, Goal):
        return slim(run, run_data, goal, teaching, out, cache)
    for speedup in SPEEDUPS:
        candidate = out / f"speedup-{speedup:g}"
        metrics = slim(run, run_data, Goal(speedup=speedup), teaching, candidate, cache)
        drop = accuracy(run.metrics) - accuracy(metrics)
        say(f"{speedup:g} times fewer multiply-accumulates: accuracy {accuracy(metrics):.2%}, {drop:+.2%} lost")
        if drop <= goal:
            for path in candidate.iterdir():
                path.replace(out / path.name)
            for folder in out.glob("speedup-*"):
                shutil.rmtree(folder)
            return metrics
    raise DataError(f"even half of the multiply-accumulates lose more than {goal:.1%}: allow a larger --max-drop")


def accuracy(metrics: dict[str, Any]) -> float:
    """Return the accuracy that a slim network is judged by: in k-fold, or where there is none on validation photos."""
    return metrics["kfold"]["mean_accuracy"] if metrics["kfold"] else metrics["validation"]["accuracy"]


def run_data_of(run: FinishedRun, data: Path | None, test: Path | None) -> RunData:
    """Read a finished run's photos again, with its split."""
    noted = read_json(run.path / DATA)
    test = test or (Path(noted["test"]) if noted["test"] else None)
    return read_run_data(run.recipe, data or Path(noted["data"]), test, run.path / SPLIT)


def find_unlabelled(paths: Sequence[str], data: RunData) -> list[Photo]:
    """Find pictures to learn from without labels.

    Those that are, or nearly are, photos that the run is measured on are left out.

    Raises:
        DataError: A path leads to no picture.
    """
    found: list[Photo] = []
    for source in expand(paths, recursive=True):
        if isinstance(source, FailedInput):
            raise DataError(str(source.error))
        found.append(Photo(Path(source), "", sha256_file(Path(source))))
    if not found:
        return []
    measured = [*data.part_photos("validation"), *data.part_photos("test")]
    groups = duplicate_groups([*measured, *found])
    taken = set(groups[: len(measured)])
    return [photo for photo, group in zip(found, groups[len(measured) :], strict=True) if group not in taken]
