"""Measure a trained network on the parts it was not trained on, beside the honest baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.data.layout import PARTS, Part
from train.data.photos import class_counts
from train.data.run_data import RunData
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.head import BASELINE_INVERSE_L2, fit_linear
from train.metrics import Floats, Ints, calibrate, evaluate, known_thresholds, softmax
from train.recipes import Recipe
from train.results.elsewhere import Bools, measure_elsewhere, measure_strangers
from train.results.report import Example


@dataclass(frozen=True, slots=True)
class Answers:
    """A network's answers.

    Attributes:
        logits: `[n, C]`.
        known: Whether the pictures show any of the classes, 0–1, `[n]`; None if the network does not say.
    """

    logits: Floats
    known: Floats | None = None


MEASURED_PARTS: tuple[Part, ...] = ("validation", "test")


def run_metrics(
    answers: dict[Part, Answers], pooled: Floats, crossval: CrossValidation | None, data: RunData, recipe: Recipe
) -> dict[str, Any]:
    """Return the run's metrics.

    Args:
        answers: The network's answers for each measured part.
        pooled: Pooled features of the network's last layer for every photo, `[N, D]`.
        crossval: The recipe's k-fold, or None where it would take days.
        data: The run's photos.
        recipe: Name, seed and head.
    """
    calibration = _calibrate(answers["validation"].logits, crossval, data, recipe)
    elsewhere = strangers = None
    if crossval is not None:
        probabilities = softmax(crossval.elsewhere / calibration["temperature"])
        certain = is_certain(probabilities, None, calibration)
        if crossval.known is not None:
            certain = is_certain(probabilities[:1], crossval.known.elsewhere, calibration)
            strange = softmax(crossval.known.stranger_logits / calibration["temperature"])
            strangers = measure_strangers(is_certain(strange, crossval.known.strangers, calibration), data.strangers)
        elsewhere = measure_elsewhere(probabilities, certain, data.elsewhere, data.labels)
    return {
        "recipe": recipe.name,
        "preprocessing": recipe.preprocessing,
        "mixed_precision": recipe.mixed_precision,
        **describe_data(data),
        "calibration": calibration,
        "elsewhere": elsewhere,
        "strangers": strangers,
        **{
            part: measure_part(found, data.targets[data.part(part)], calibration, data.labels)
            for part, found in answers.items()
        },
        "kfold": None if crossval is None else crossval.summary(),
        "logistic_regression": _measure_baseline(pooled, data, recipe.seed),
    }


def describe_data(data: RunData) -> dict[str, Any]:
    """Return what the metrics say of a run's photos: `labels`, `class_counts` and `split`."""
    return {
        "labels": data.labels,
        "class_counts": class_counts(data.photos),
        "split": {
            "digest": data.split.digest,
            **{part: len(data.part(part)) for part in PARTS},
            "excluded": sum(part == "excluded" for part in data.split.parts.values()),
        },
    }


def is_certain(probabilities: Floats, known: Floats | None, calibration: dict[str, float]) -> Bools:
    """Return which answers are certain: `probabilities` `[..., C]` high enough, and `known` `[...]` if there is one."""
    certain: Bools = probabilities.max(axis=-1) >= calibration["min_score"]
    return certain if known is None else certain & (known >= calibration["min_known"])


def measure_part(
    answers: Answers, targets: Ints, calibration: dict[str, float], labels: Sequence[str]
) -> dict[str, Any]:
    """Measure a network's answers for photos of these classes `[n]`, and how many are certain and right."""
    probabilities = softmax(answers.logits / calibration["temperature"])
    certain = is_certain(probabilities, answers.known, calibration)
    right = probabilities.argmax(axis=1) == targets
    counts = {"certain": int(certain.sum()), "right_of_certain": int((certain & right).sum())}
    return {**evaluate(probabilities, targets, labels), **counts}


def examples(logits: Floats, temperature: float, data: RunData) -> list[Example]:
    """Return the network's answers to the test photos, for the picture in the report."""
    return [
        Example(photo.path, photo.label, data.labels[row.argmax()], float(row.max()))
        for photo, row in zip(data.part_photos("test"), softmax(logits / temperature), strict=True)
    ]


def _calibrate(
    validation_logits: Floats, crossval: CrossValidation | None, data: RunData, recipe: Recipe
) -> dict[str, float]:
    """Fit temperature and threshold on held-out answers; the test photos have no say in them."""
    if crossval is None:
        return calibrate(validation_logits, data.targets[data.part("validation")])
    chosen = data.not_test
    logits = np.concatenate([crossval.logits[:, chosen], crossval.elsewhere], axis=1)
    targets = np.concatenate([data.targets[chosen], data.elsewhere.targets])
    calibration = calibrate(logits.reshape(-1, logits.shape[-1]), np.tile(targets, len(logits)))
    if crossval.known is None or recipe.pooled_head.known is None:
        return calibration
    settings = recipe.pooled_head.known
    probabilities = softmax(crossval.logits[0, chosen] / calibration["temperature"])
    right = probabilities.argmax(axis=1) == data.targets[chosen]
    min_score, min_known = known_thresholds(
        probabilities.max(axis=1)[right], crossval.known.own[chosen][right], settings.min_score, settings.kept
    )
    return {**calibration, "min_score": min_score, "min_known": min_known}


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
