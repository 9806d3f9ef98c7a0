"""Whether the last blocks are fine-tuned: how much work that is, and whether held-out photos say that it helps."""

from typing import Any

import numpy as np

from train.data.run_data import RunData
from train.fitting.crossval import FOLDS, CrossValidation
from train.fitting.pooled import CachedTraining, FoldFiles, held_out_logits
from train.metrics import Floats
from train.networks.vgg16 import FULL_WIDTHS, conv_layers, count_macs, last_blocks
from train.progress import say
from train.views.features import MAPS


def choose(training: CachedTraining, kept: FoldFiles) -> tuple[CrossValidation, dict[str, Any] | None]:
    """Cross-validate the head and decide whether the last blocks are fine-tuned too.

    Args:
        training: What to train on.
        kept: As in `CachedTraining.crossval_tuned`.

    Returns:
        The k-fold of what was chosen, and the comparison it rests on (None where the
        recipe leaves no choice).
    """
    plain = training.crossval()
    mode = "never" if training.recipe.fine_tune is None else training.recipe.fine_tune.mode
    if mode == "never":
        return plain, None
    say(f"Fine-tuning, {FOLDS} folds and all: as much work as {tuning_passes(training):.1f} more passes")
    tuned = training.crossval_tuned(kept)
    right = [right_where_it_counts(answers, training.data) for answers in (plain, tuned)]
    gain = right[1] - right[0]
    # Better by more than chance would have it: one standard error of the photo-by-photo difference.
    helps = gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain))
    used = mode == "always" or bool(helps)
    decision = {"kfold_without": right[0].mean(), "kfold_with": right[1].mean(), "photos": len(gain), "used": used}
    return tuned if used else plain, decision


def tuning_passes(training: CachedTraining) -> float:
    """Return the work of fine-tuning all folds and the network, in passes of the whole network over all photos.

    A learning layer works three times, forwards, for its weights' gradients and for its input's, and once more for the
    features that heads are fitted on.
    """
    recipe, settings, taps = training.recipe, training.recipe.fine_tune, training.recipe.pooled_head.taps
    if settings is None:
        return 0.0
    widths = [FULL_WIDTHS[name] for name in conv_layers(taps[-1])]
    frozen = len(widths) - len(last_blocks(taps[-1], settings.blocks)[1])
    share = 1 - count_macs(widths[:frozen], recipe.image_size) / count_macs(widths, recipe.image_size)
    learned = FOLDS * settings.epochs * len(training.training_photos) * len(training.views)  # 4/5 in each of 5, and all
    views = [features[MAPS] for features in (training.features, training.strangers) if features is not None]
    read = (FOLDS + 1) * sum(maps.shape[0] * maps.shape[1] for maps in views)
    return float(share * (3 * learned + read) / sum(maps.shape[1] for maps in views))


def right_where_it_counts(crossval: CrossValidation, data: RunData) -> Floats:
    """Return 1 or 0 for each photo that decides: whether it was answered right when held out.

    Those are the photos from elsewhere, since the data set's own flatter; where there are none, its own outside the
    test.
    """
    if len(data.elsewhere.targets):
        logits, targets = crossval.elsewhere[0], data.elsewhere.targets
    else:
        logits, targets = held_out_logits(crossval, data), data.targets[data.not_test]
    right: Floats = (logits.argmax(axis=1) == targets).astype(float)
    return right
