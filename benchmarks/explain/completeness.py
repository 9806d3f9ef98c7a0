"""Do a map and its bias add up to the logit, for every class of every photo?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_infer import Classifier
from train.progress import track

ALLOWED = 1e-3


def completeness(classifier: Classifier, photos: Sequence[Path]) -> dict[str, Any]:
    """Return the largest differences between a map's sum on the picture's own grid, with its bias, and the logit.

    Args:
        classifier: The model.
        photos: Each is explained for every class, and for `known` if the model says it: its log odds are compared
            with those of the `known` that the network itself gives.
    """
    errors, of_known = [], []
    for photo in track(photos, "Adding up"):
        explanation = classifier.explain(photo, classifier.labels)
        for found in explanation.maps:
            bias = np.nan if found.bias is None else found.bias
            errors.append(abs(float(found.on_picture().sum(dtype=np.float64)) + bias - found.logit))
        known = explanation.prediction.known
        if explanation.known is not None and known is not None and explanation.known.bias is not None:
            total = float(explanation.known.on_picture().sum(dtype=np.float64)) + explanation.known.bias
            of_known.append(abs(total - float(np.log(known / (1 - known)))))
    return {
        "photos": len(photos),
        "maps": len(errors),
        "largest_error": max(errors),
        "known_maps": len(of_known),
        "largest_error_of_known": max(of_known, default=None),
        "allowed": ALLOWED,
    }
