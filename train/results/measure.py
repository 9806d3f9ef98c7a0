"""Measure a trained network on the parts it was not trained on, beside the honest baseline."""

from typing import Any

import numpy as np

from train.data.dataset import RunData
from train.data.layout import PARTS, Part
from train.data.photos import class_counts
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.head import BASELINE_INVERSE_L2, fit_linear
from train.metrics import Floats, Ints, calibrate, evaluate, softmax
from train.recipes import Recipe
from train.results.elsewhere import measure_elsewhere
from train.results.report import Example

MEASURED_PARTS: tuple[Part, ...] = ("validation", "test")


def run_metrics(
    logits: dict[Part, Floats], pooled: Floats, crossval: CrossValidation | None, data: RunData, recipe: Recipe
) -> dict[str, Any]:
    """Return the run's metrics.

    Args:
        logits: The network's logits `[n, C]` for each measured part.
        pooled: Pooled features of the network's last layer for every photo, `[N, D]`.
        crossval: The recipe's k-fold, or None where it would take days.
        data: The run's photos.
        recipe: Name and seed.
    """
    calibration = _calibrate(logits["validation"], crossval, data)
    elsewhere = None
    if crossval is not None:
        answers = softmax(crossval.elsewhere / calibration["temperature"])
        certain = answers.max(axis=-1) >= calibration["min_score"]
        elsewhere = measure_elsewhere(answers, certain, data.elsewhere, data.labels)
    return {
        "recipe": recipe.name,
        "preprocessing": recipe.preprocessing,
        "mixed_precision": recipe.mixed_precision,
        "labels": data.labels,
        "class_counts": class_counts(data.photos),
        "split": {
            "digest": data.split.digest,
            **{part: len(data.part(part)) for part in PARTS},
            "excluded": sum(part == "excluded" for part in data.split.parts.values()),
        },
        "calibration": calibration,
        "elsewhere": elsewhere,
        **{
            part: evaluate(softmax(values / calibration["temperature"]), data.targets[data.part(part)], data.labels)
            for part, values in logits.items()
        },
        "kfold": None if crossval is None else crossval.summary(),
        "logistic_regression": _measure_baseline(pooled, data, recipe.seed),
    }


def examples(logits: Floats, temperature: float, data: RunData) -> list[Example]:
    """Return the network's answers to the test photos, for the picture in the report."""
    return [
        Example(photo.path, photo.label, data.labels[row.argmax()], float(row.max()))
        for photo, row in zip(data.part_photos("test"), softmax(logits / temperature), strict=True)
    ]


def _calibrate(validation_logits: Floats, crossval: CrossValidation | None, data: RunData) -> dict[str, float]:
    """Fit temperature and threshold on held-out answers; the test photos have no say in them."""
    if crossval is None:
        return calibrate(validation_logits, data.targets[data.part("validation")])
    chosen = data.not_test
    logits = np.concatenate([crossval.logits[:, chosen], crossval.elsewhere], axis=1)
    targets = np.concatenate([data.targets[chosen], data.elsewhere.targets])
    return calibrate(logits.reshape(-1, logits.shape[-1]), np.tile(targets, len(logits)))


def _measure_baseline(pooled: Floats, data: RunData, seed: int) -> dict[str, Any]:
    """Measure a logistic regression on the last layer's pooled features, the bar for any head."""

    def answer(train: Ints, held_out: Ints) -> Floats:
        return fit_linear(pooled[train], data.targets[train], BASELINE_INVERSE_L2).logits(pooled[held_out])

    result: dict[str, Any] = {}
    for part in MEASURED_PARTS:
        held_out = data.part(part)
        answers = answer(data.part("train"), held_out).argmax(axis=1)
        result[part] = {"right": int((answers == data.targets[held_out]).sum()), "photos": len(held_out)}
    crossval = cross_validate(
        data.targets,
        data.groups,
        answer,
        num_classes=len(data.labels),
        seed=seed,
        label="Cross-validating the baseline",
    )
    return {**result, "kfold": crossval.summary()}
