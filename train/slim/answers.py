"""What the original answers to the pictures that a slim network learns from: logits, to be learned beside its features.

Features are many, and most of what they tell does not decide. The answers say what does.

What a head or a fine-tuned network says of the photos that it learned from is better than what it says of others. So
each of them is answered for by the fold that held it out (cross-fitting: Dao, Kamath, Syrgkanis, Mackey 2021,
"Knowledge distillation as semiparametric inference"): the slim network sees what the original is worth on new photos,
and its own k-fold stays one of photos whose labels nothing has seen. Pictures without labels are divided among the same
folds. If one of their own answered for them, the slim network would tell strangers by who answered: of those that it
was distilled from, one in a thousand was certain then.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from train.data.run_data import RunData
from train.errors import RunFolderError
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.head import LinearHead, class_weights, fit_linear, head_features, load_head
from train.fitting.pooled import labelled
from train.metrics import Floats, Ints
from train.progress import track
from train.recipes import PooledHead
from train.runs.finished import FinishedRun
from train.slim.observed import observed_taps
from train.slim.original import fold_base, is_tuned
from train.slim.teaching import Teaching, features_of

Bools = npt.NDArray[np.bool_]


def answering_folds(data: RunData, teaching: Teaching, seed: int) -> Ints:
    """Return the fold that answers for each picture, `[N]`: the one that held it out, or for strangers any one."""
    numbers = photo_folds(data.targets, data.groups, data.elsewhere, seed)
    fold_of = {photo.sha256: int(number) for photo, number in zip(labelled(data), numbers, strict=True)}
    return np.array([fold_of.get(photo.sha256, int(photo.sha256, 16) % FOLDS) for photo in teaching.photos])


def answers(original: FinishedRun, data: RunData, teaching: Teaching, by: Ints, cache: Path) -> Floats | None:
    """Return what the original answers to each view of the pictures.

    Args:
        original: The run that is slimmed.
        data: Its photos.
        teaching: The pictures to learn from, and the frozen base's features of them.
        by: The fold that answers for each picture, `[N]`.
        cache: Feature cache.

    Returns:
        Logits `[views, N, C]`; None for an original whose head reads the maps themselves, and where a fold holds all
        photos of a class.

    Raises:
        RunFolderError: The run was fine-tuned, and its folder lacks the network of a fold.
    """
    head, taps = original.recipe.head, observed_taps(original.recipe)[0]
    if not isinstance(head, PooledHead):
        return None
    frozen = head_features(teaching.features, taps)
    found = np.empty((*frozen.shape[:2], len(data.labels)), np.float32)
    for number in track(np.unique(by).tolist(), "Answering for the pictures to learn from"):
        chosen = np.flatnonzero(by == number)
        if is_tuned(original):
            photos = [teaching.photos[int(place)] for place in chosen]
            tuned = features_of(fold_base(original, number), photos, len(frozen), teaching.recipe, cache)
            found[:, chosen] = _kept_head(original, number).logits(head_features(tuned, taps))
        elif (fitted := _fitted_head(data, teaching, frozen, by != number)) is not None:
            found[:, chosen] = fitted.logits(frozen[:, chosen])
        else:
            return None
    return found


def _kept_head(original: FinishedRun, number: int) -> LinearHead:
    """Read the head of a fold of a fine-tuned run."""
    path = original.folder.fold_head(number)
    try:
        return load_head(path)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} does not hold the head of a fold: train {original.path} again") from error


def _fitted_head(data: RunData, teaching: Teaching, features: Floats, may_see: Bools) -> LinearHead | None:
    """Fit a head on the frozen base's features of those photos with labels that it may see, if no class lacks any."""
    head, views = teaching.recipe.pooled_head, teaching.recipe.cached_views.views
    targets = np.concatenate([data.targets, data.elsewhere.targets])
    target_of = {photo.sha256: int(target) for photo, target in zip(labelled(data), targets, strict=True)}
    found = np.array([target_of.get(photo.sha256, -1) for photo in teaching.photos])
    chosen = np.flatnonzero(may_see & (found >= 0))
    if len(np.unique(found[chosen])) < len(data.labels):
        return None
    weights = class_weights(found[chosen], head.balance)
    return fit_linear(features[:views, chosen], found[chosen], head.inverse_l2, weights=weights)
