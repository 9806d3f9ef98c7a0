"""`python -m train slim`: what to learn from, the original's answers to it, and from them a slim run."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from train.data.dataset import Dataset
from train.data.photos import Photo, sha256_file
from train.data.run_data import RunData, read_run_data
from train.errors import RunFolderError
from train.progress import say
from train.runs.finished import FinishedRun
from train.runs.slim_folder import SlimFolder
from train.slim.answers import answering_folds, answers
from train.slim.distillation import Distillation
from train.slim.goal import Goal, check_goal
from train.slim.original import frozen_base
from train.slim.teaching import teach
from train.slim.to_goal import slim_to
from train.slim.within_drop import slim_within


def slim(
    original: FinishedRun,
    dataset: Dataset,
    out: SlimFolder,
    goal: Goal | float,
    *,
    settings: Distillation,
    resume: bool,
    mixed_precision: bool,
    cache: Path,
) -> dict[str, Any]:
    """Slim a finished run.

    Args:
        original: The run.
        dataset: Its photos, and the unlabelled pictures to learn from besides.
        out: Run folder to write.
        goal: How slim, or how much accuracy in k-fold (0–1) may be lost at most.
        settings: How to distil.
        resume: Finish an interrupted run.
        mixed_precision: As in `train.recipes.Recipe`.
        cache: Feature cache.

    Returns:
        The metrics.

    Raises:
        RunFolderError: The run is slim already, or lacks the networks of its folds; `out` exists, or was started
            otherwise.
        DataError: Photos are missing.
        GoalError: No network is so fast, or none is within the allowed loss.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(original.recipe.seed)
    if original.recipe.widths is not None:
        raise RunFolderError(f"{original.path} is slim already: give the run that it was made from")
    out.check(resume=resume)
    if isinstance(goal, Goal):
        check_goal(goal, original.recipe)
    original = replace(original, recipe=replace(original.recipe, mixed_precision=mixed_precision))
    data = read_run_data(original.recipe, dataset, original.folder.split_path)
    original.folder.check_elsewhere(dataset)
    photos = pictures_to_learn_from(data)
    out.note_settings(described(original.folder.weights_path, goal, photos, settings, mixed_precision=mixed_precision))
    if out.is_finished:
        return out.metrics()
    frozen = frozen_base(original)
    teaching = teach(frozen, photos, original.recipe, settings, cache)
    by = answering_folds(data, teaching, original.recipe.seed)
    teaching = replace(teaching, answers=answers(original, teaching, by, cache))

    def slim_to_goal(goal: Goal, folder: SlimFolder) -> dict[str, Any]:
        return slim_to(goal, original, frozen, data, teaching, folder, cache)

    return slim_to_goal(goal, out) if isinstance(goal, Goal) else slim_within(goal, original.metrics, slim_to_goal, out)


def described(
    weights: Path, goal: Goal | float, photos: Sequence[Photo], settings: Distillation, *, mixed_precision: bool
) -> dict[str, Any]:
    """Return all that decides a slim run, as its folder keeps it.

    Args:
        weights: The original's weights.
        goal: As in `slim`.
        photos: The pictures to learn from.
        settings: As in `slim`.
        mixed_precision: Likewise.
    """
    return {
        "run": sha256_file(weights),
        "goal": asdict(goal) if isinstance(goal, Goal) else goal,
        "pictures": hashlib.sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest(),
        "mixed_precision": mixed_precision,
        **asdict(settings),
    }


def pictures_to_learn_from(data: RunData) -> Sequence[Photo]:
    """Return the training photos, those from elsewhere, the strangers and the unlabelled pictures, each once."""
    named = {
        "training photos": data.part_photos("train"),
        "photos from elsewhere": [sourced.photo for sourced in data.elsewhere.photos],
        "pictures of none of the classes": [sourced.photo for sourced in data.strangers.photos],
        "unlabelled pictures": data.unlabelled(),
    }
    say("Learning from " + ", ".join(f"{len(photos)} {name}" for name, photos in named.items() if photos))
    return list({photo.sha256: photo for photos in named.values() for photo in photos}.values())
