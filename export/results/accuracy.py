"""What a model file answers right: on the test photos, and whether int8 still does."""

import json
from typing import Any

from export.compared_photos import ComparedPhotos
from export.errors import DropError
from train.metrics import Floats

_IN_THE_FILE = ("photos", "right", "accuracy", "accuracy_95", "ece")
_KFOLD_IN_THE_FILE = ("folds", "repeats", "mean_accuracy", "mean_accuracy_95")


def accuracy_record(measured: dict[str, Any], kfold: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a model file says of its accuracy.

    Args:
        measured: On the test photos, from `export.results.quality.measure_answers`.
        kfold: The run's k-fold, if it has one.
    """
    # The calibration error rests on the last digits of a float32 network, which differ between
    # machines; rounded, it does not keep the same run from giving the same file.
    rounded = {**measured, "ece": round(measured["ece"], 4)}
    accuracy = {"test": {key: rounded[key] for key in _IN_THE_FILE}}
    if kfold:
        accuracy["kfold"] = {key: kfold[key] for key in _KFOLD_IN_THE_FILE}
    plain: dict[str, Any] = json.loads(json.dumps(accuracy))
    return plain


def check_drop(reference: Floats, candidate: Floats, photos: ComparedPhotos, max_drop: float) -> None:
    """Refuse int8 that answers fewer held-out photos right than it may.

    Args:
        reference: fp32's probabilities for the photos, `[N, C]`.
        candidate: int8's.
        photos: The photos.
        max_drop: Share of the held-out photos that may be lost; unless it is 0, one always may.

    Raises:
        DropError: It loses more.
    """
    held_out = photos.held_out
    targets = photos.targets[held_out]
    before, after = (int((answers[held_out].argmax(axis=1) == targets).sum()) for answers in (reference, candidate))
    # One of a few photos is chance; but who says 0 means it.
    allowed = max(1, int(max_drop * len(held_out) + 1e-9)) if max_drop else 0
    if before - after > allowed:
        raise DropError(
            f"int8 answers {after} of {len(held_out)} held-out photos right, fp32 {before}, and may lose {allowed}; "
            "nothing is written; --max-drop allows more"
        )
