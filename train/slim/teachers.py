"""Who teaches the slim network: the original, or where that was fine-tuned the networks of its folds.

What a fine-tuned network says of the photos that it learned from is better than what it says of others. So each of them
is taught by the network of the fold that held it out (cross-fitting: Dao, Kamath, Syrgkanis, Mackey 2021, "Knowledge
distillation as semiparametric inference"): the slim network sees what the original is worth on new photos, and its own
k-fold stays one of photos whose labels nothing has seen. Pictures without labels are divided among the same networks.
If one of their own taught them, the slim network would tell strangers by their teacher: of those that it was distilled
from, one in a thousand was certain then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from train.data.photos import Photo
from train.data.run_data import RunData
from train.errors import RunFolderError
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.finetune import last_blocks_of
from train.networks.vgg16 import copy_in_precision
from train.runs.finished import FinishedRun


@dataclass(frozen=True, slots=True)
class Teacher:
    """A base, and the pictures that it teaches.

    Attributes:
        base: The base.
        photos: The pictures.
    """

    base: keras.Model
    photos: Sequence[Photo]


@dataclass(frozen=True, slots=True)
class Teachers:
    """Who teaches what.

    Attributes:
        frozen: The base without anything learned from labels: what is pruned.
        each: The teachers.
    """

    frozen: keras.Model
    each: Sequence[Teacher]


def teachers(original: FinishedRun, data: RunData, photos: Sequence[Photo]) -> Teachers:
    """Return who teaches each picture.

    Args:
        original: The run that is slimmed.
        data: Its photos.
        photos: The pictures to learn from.

    Raises:
        RunFolderError: The run was fine-tuned, and its folder lacks the networks of the folds.
    """
    base = original.network.get_layer("vgg16")
    if not (original.metrics["fine_tune"] and original.metrics["fine_tune"]["used"]):
        return Teachers(base, [Teacher(base, photos)])
    folder = original.folder
    numbers = photo_folds(data.targets, data.groups, data.elsewhere, original.recipe.seed)
    labelled = [*data.photos, *(sourced.photo for sourced in data.elsewhere.photos)]
    fold_of = {photo.sha256: int(number) for photo, number in zip(labelled, numbers, strict=True)}
    taught: list[list[Photo]] = [[] for _ in range(FOLDS)]
    for photo in photos:
        taught[fold_of.get(photo.sha256, int(photo.sha256, 16) % FOLDS)].append(photo)
    each = [
        Teacher(_with_blocks(original, folder.fold_weights(number)), pictures)
        for number, pictures in enumerate(taught)
        if pictures
    ]
    return Teachers(_with_blocks(original, folder.frozen_weights), each)


def _with_blocks(original: FinishedRun, path: Path) -> keras.Model:
    """Return a run's base with last blocks of its folder."""
    recipe = replace(original.recipe, mixed_precision=False)
    base = copy_in_precision(original.network.get_layer("vgg16"), recipe)
    blocks = last_blocks_of(base, recipe)
    try:
        blocks.network.load_weights(path)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} does not hold the blocks of a fold: train {original.path} again") from error
    blocks.put_into(base)
    return base
