"""Is one network better than another on the same photos, beyond what chance and the choice of sources would do?"""

import numpy as np

from train.metrics import Floats, Ints
from train.results.elsewhere import resampled_counts


def paired_difference(ours: Floats, theirs: Floats, groups: Ints) -> dict[str, object]:
    """Compare two networks photo by photo, in the same folds.

    Args:
        ours: Whether each answer of the one is right, `[repeats, M]`.
        theirs: Of the other, likewise.
        groups: Of one source, `[M]`: drawn together (paired cluster bootstrap).

    Returns:
        The difference of the accuracies, its 95 % interval, the share of resamples in which the one is not
        better, and how many photos only the one or only the other has right, averaged over the repeats.
    """
    difference = ours.astype(float) - theirs.astype(float)
    photos, gained = resampled_counts(difference.mean(axis=0)[np.newaxis], groups).T
    low, high = np.quantile(gained / photos, (0.025, 0.975))
    return {
        "difference": float(difference.mean()),
        "difference_95": [float(low), float(high)],
        "not_better": float((gained <= 0).mean()),
        "only_ours_right": float((difference > 0).sum(axis=1).mean()),
        "only_theirs_right": float((difference < 0).sum(axis=1).mean()),
    }
