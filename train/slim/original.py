"""The bases of the run that is slimmed: as ImageNet left it, and where it was fine-tuned those of its folds."""

from dataclasses import replace
from pathlib import Path

import keras

from train.errors import RunFolderError
from train.fitting.finetune import last_blocks_of
from train.networks.vgg16 import copy_in_precision
from train.runs.finished import FinishedRun


def is_tuned(original: FinishedRun) -> bool:
    """Return whether a run's last blocks were fine-tuned."""
    decision = original.metrics["fine_tune"]
    return bool(decision and decision["used"])


def frozen_base(original: FinishedRun) -> keras.Model:
    """Return a run's base without anything learned from labels.

    Raises:
        RunFolderError: The run was fine-tuned, and its folder lacks the blocks as they were before.
    """
    base: keras.Model = original.network.get_layer("vgg16")
    return _with_blocks(original, original.folder.frozen_weights) if is_tuned(original) else base


def fold_base(original: FinishedRun, number: int) -> keras.Model:
    """Return the base of a fine-tuned run that learned from no label of a fold, numbered from 0 on.

    Raises:
        RunFolderError: The run's folder lacks it.
    """
    return _with_blocks(original, original.folder.fold_weights(number))


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
