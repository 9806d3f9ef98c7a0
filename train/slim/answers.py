"""What a fine-tuned original answers to the pictures that a slim network learns from: its logits.

They are learned beside the features of the base as it was before: those tell of any picture, the answers what decides.

What a fine-tuned network says of the photos that it learned from is better than what it says of others. So each of them
is answered for by the network of the fold that held it out (cross-fitting: Dao, Kamath, Syrgkanis, Mackey 2021,
"Knowledge distillation as semiparametric inference"): the slim network sees what the original is worth on new photos,
and in its own k-fold nothing has seen a photo's label but the choice of channels (`train.slim.base`). Pictures without
labels are divided among the same folds. If one of their own answered for them, the slim network would tell strangers by
who answered: of those that it was distilled from, one in a thousand was certain then.
"""

from pathlib import Path

import numpy as np

from train.data.run_data import RunData
from train.errors import RunFolderError
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.head import LinearHead, head_features, load_head
from train.fitting.pooled import labelled
from train.metrics import Floats, Ints
from train.runs.finished import FinishedRun
from train.slim.original import fold_base, is_tuned
from train.slim.teaching import Teaching, features_of


def answering_folds(data: RunData, teaching: Teaching, seed: int) -> Ints:
    """Return the fold that answers for each picture, `[N]`: the one that held it out, or for strangers any one."""
    numbers = photo_folds(data.targets, data.groups, data.elsewhere, seed)
    fold_of = {photo.sha256: int(number) for photo, number in zip(labelled(data), numbers, strict=True)}
    return np.array([fold_of.get(photo.sha256, int(photo.sha256, 16) % FOLDS) for photo in teaching.photos])


def answers(original: FinishedRun, teaching: Teaching, by: Ints, cache: Path) -> Floats | None:
    """Return what the original answers to each view of the pictures.

    Args:
        original: The run that is slimmed.
        teaching: The pictures to learn from.
        by: The fold that answers for each of them, `[N]`.
        cache: Feature cache.

    Returns:
        Logits `[views, N, C]`; None for an original that was not fine-tuned.

    Raises:
        RunFolderError: The run's folder lacks the network of a fold.
    """
    if not is_tuned(original):
        return None
    taps, views = original.recipe.pooled_head.taps, teaching.settings.views
    found = np.empty((views, len(by), len(original.labels)), np.float32)
    for number in np.unique(by).tolist():
        chosen = np.flatnonzero(by == number)
        photos = [teaching.photos[int(place)] for place in chosen]
        features = features_of(fold_base(original, number), photos, views, teaching.recipe, cache)
        found[:, chosen] = _kept_head(original, number).logits(head_features(features, taps))
    return found


def _kept_head(original: FinishedRun, number: int) -> LinearHead:
    """Read the head of a fold of a fine-tuned run."""
    path = original.folder.fold_head(number)
    try:
        return load_head(path)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} does not hold the head of a fold: train {original.path} again") from error
