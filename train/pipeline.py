"""The straight line from photos to a finished run folder.

photos -> split -> features -> head (-> fine-tuned last block) -> network -> k-fold ->
metrics -> report. Each step writes its artefact into the run folder before the next
one starts; a step whose artefact is there is not done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from train.crossval import FOLDS, CrossValidation, cross_validate
from train.duplicates import duplicate_groups
from train.evaluation import Floats, Ints, calibrate, evaluate, softmax
from train.features import Features, extract, load_batch, select
from train.finetune import LastBlock, fine_tune
from train.head import BASELINE_INVERSE_L2, LinearHead, fit_linear, fitting_curve, head_features
from train.network import LAST_CONV, build_base, build_network, run_batched
from train.onthefly import drop_checkpoints, fit_on_the_fly
from train.photos import PARTS, Photo, class_counts, find_photos, labels_of
from train.recipes import CachedViews, OnTheFly, Recipe
from train.report import Example, write_report
from train.run_folder import DATA, HISTORY, METRICS, SPLIT, WEIGHTS, RunFolder, read_json, write_atomic, write_json
from train.splits import Ratios, Split, check_class_sizes, load_split, make_split

MEASURED_PARTS = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Data:
    """The photos of a run and everything derived from them.

    Attributes:
        photos: All photos, in a fixed order.
        labels: Class names, in output order.
        targets: Class indices `[N]`.
        groups: Duplicate groups `[N]`.
        split: Which photo is for what.
    """

    photos: list[Photo]
    labels: tuple[str, ...]
    targets: Ints
    groups: Ints
    split: Split

    def part(self, name: str) -> Ints:
        """Return the indices of a part's photos."""
        chosen = set(self.split.photos(self.photos, name))
        return np.array([i for i, photo in enumerate(self.photos) if photo in chosen])

    def chosen(self, indices: Ints) -> tuple[list[Photo], Ints]:
        """Return photos and class indices."""
        return [self.photos[i] for i in indices], self.targets[indices]


def train(
    recipe: Recipe,
    data_folder: Path,
    test_folder: Path | None,
    run: RunFolder,
    *,
    weights: str,
    cache: Path,
) -> dict[str, Any]:
    """Train a recipe and fill the run folder.

    Args:
        recipe: What to do.
        data_folder: Labelled photos, in a layout of `train.photos`.
        test_folder: A frozen test apart from it, or None.
        run: Where everything goes; written to only once the photos and weights are known to be good.
        weights: Base weights, as from `resolve_weights`.
        cache: Feature cache.

    Returns:
        The metrics, as in `metrics.json`.

    Raises:
        DataError: The photos cannot be trained on.
        WeightsError: The base weights do not fit.
    """
    photos = find_photos(data_folder, test_folder)
    check_class_sizes(photos)
    groups = duplicate_groups(photos)
    base = build_base(recipe, weights)
    data = _freeze(recipe, photos, groups, run)
    run.start()
    write_json(
        run.path / DATA, {"data": str(data_folder.resolve()), "test": test_folder and str(test_folder.resolve())}
    )
    data.split.save(run.path / SPLIT)
    if (run.path / METRICS).exists():
        return read_json(run.path / METRICS)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)  # decides the weights that a dense head starts from
    network = build_network(recipe, len(data.labels), weights)
    is_trained = (run.path / WEIGHTS).exists()
    if is_trained:
        network.load_weights(run.path / WEIGHTS)

    crossval, decision = None, None
    match recipe.schedule:
        case CachedViews():
            features, crossval, decision = _train_on_views(network, base, data, recipe, run, cache)
        case OnTheFly() as schedule:
            features = extract(data.photos, 1, recipe, base, (LAST_CONV,), cache)
            if not is_trained:
                train_part, validation_part = (data.chosen(data.part(name)) for name in ("train", "validation"))
                fit_on_the_fly(network, recipe, schedule, train_part, validation_part, run)
    if not is_trained:
        write_atomic(run.path / WEIGHTS, network.save_weights)
        drop_checkpoints(run)

    logits = {part: predict_logits(network, data.chosen(data.part(part))[0], recipe) for part in MEASURED_PARTS}
    metrics = {
        **_measure(logits, features, crossval, data, recipe),
        "parameters": network.count_params(),
        "fine_tune": decision,
    }
    write_report(run.path, metrics, read_json(run.path / HISTORY), _examples(logits, data, metrics))
    write_json(run.path / METRICS, metrics)
    return metrics


def set_head(network: keras.Model, head: LinearHead) -> None:
    """Put a trained head into a network."""
    network.get_layer("logits").set_weights([head.kernel, head.bias])


def predict_logits(network: keras.Model, photos: Sequence[Photo], recipe: Recipe) -> Floats:
    """Run the whole network on photos as the device will see them, `float32 [N, C]`."""
    return run_batched(network, load_batch(photos, recipe))


def _freeze(recipe: Recipe, photos: list[Photo], groups: Ints, run: RunFolder) -> Data:
    """Make the run's split, or read the one that is there."""
    if (run.path / SPLIT).exists():
        split = load_split(run.path / SPLIT, photos)
    else:
        split = make_split(
            photos, groups, Ratios(*recipe.ratios), seed=recipe.seed, keep_test_duplicates=recipe.published
        )
    labels = labels_of(photos)
    return Data(photos, labels, np.array([labels.index(photo.label) for photo in photos]), groups, split)


def _train_on_views(
    network: keras.Model, base: keras.Model, data: Data, recipe: Recipe, run: RunFolder, cache: Path
) -> tuple[Features, CrossValidation, dict[str, Any] | None]:
    """Train head and, if it pays, last block on cached features; put them into `network`."""
    head, schedule, fine_tuning = recipe.head, recipe.schedule, recipe.fine_tune
    mode = "never" if fine_tuning is None else fine_tuning.mode
    features = extract(data.photos, schedule.views, recipe, base, head.taps, cache, with_maps=mode != "never")
    views = head_features(features, head.taps)
    train, validation = data.part("train"), data.part("validation")

    def fit(chosen: Ints) -> LinearHead:
        return fit_linear(views[:, chosen], data.targets[chosen], head.inverse_l2)

    def tune(chosen: Ints) -> LastBlock:
        return fine_tune(
            select(features, chosen), data.targets[chosen], fit(chosen), base, head.taps, fine_tuning, recipe.seed
        )

    def answer(chosen: Ints, held_out: Ints) -> Floats:
        return fit(chosen).logits(views[0, held_out])

    def answer_tuned(chosen: Ints, held_out: Ints) -> Floats:
        return tune(chosen).logits(select(features, held_out))

    folding = {"targets": data.targets, "groups": data.groups, "num_classes": len(data.labels), "seed": recipe.seed}
    crossval = cross_validate(fit=answer, **folding)
    decision = None
    if mode == "auto":
        tuned = cross_validate(fit=answer_tuned, repeats=1, label="Cross-validating the fine-tuned block", **folding)
        without = float(crossval.accuracies[:FOLDS].mean())
        decision = {"kfold_without": without, "kfold_with": float(tuned.accuracies.mean())}
        decision["used"] = decision["kfold_with"] > without
    use_tuned = mode == "always" or (decision is not None and decision["used"])
    if use_tuned:
        crossval = cross_validate(fit=answer_tuned, label="Cross-validating the fine-tuned block", **folding)

    if not (run.path / WEIGHTS).exists():
        set_head(network, fit(train))
        if use_tuned:
            tune(train).put_into(network)
        seen = (views[:, train], data.targets[train])
        write_json(
            run.path / HISTORY, fitting_curve(seen, (views[0, validation], data.targets[validation]), head.inverse_l2)
        )
    return features, crossval, decision


def _measure(
    logits: dict[str, Floats], features: Features, crossval: CrossValidation | None, data: Data, recipe: Recipe
) -> dict[str, Any]:
    if crossval is None:
        calibration = calibrate(logits["validation"], data.targets[data.part("validation")])
    else:
        repeats, count, classes = crossval.logits.shape
        calibration = calibrate(crossval.logits.reshape(repeats * count, classes), np.tile(data.targets, repeats))
    return {
        "recipe": recipe.name,
        "preprocessing": recipe.preprocessing,
        "labels": data.labels,
        "class_counts": class_counts(data.photos),
        "split": {
            "digest": data.split.digest,
            **{part: len(data.part(part)) for part in PARTS},
            "excluded": sum(part == "excluded" for part in data.split.parts.values()),
        },
        "calibration": calibration,
        **{
            part: evaluate(softmax(values / calibration["temperature"]), data.targets[data.part(part)], data.labels)
            for part, values in logits.items()
        },
        "kfold": None if crossval is None else crossval.summary(),
        "logistic_regression": _measure_baseline(features[LAST_CONV][0], data, recipe),
    }


def _measure_baseline(pooled: Floats, data: Data, recipe: Recipe) -> dict[str, Any]:
    """Measure a logistic regression on the last layer's pooled features, the bar for any head."""

    def fit(train: Ints, held_out: Ints) -> Floats:
        return fit_linear(pooled[train], data.targets[train], BASELINE_INVERSE_L2).logits(pooled[held_out])

    result: dict[str, Any] = {}
    for part in MEASURED_PARTS:
        held_out = data.part(part)
        answers = fit(data.part("train"), held_out).argmax(axis=1)
        result[part] = {"right": int((answers == data.targets[held_out]).sum()), "photos": len(held_out)}
    crossval = cross_validate(
        data.targets,
        data.groups,
        fit,
        num_classes=len(data.labels),
        seed=recipe.seed,
        label="Cross-validating the baseline",
    )
    return {**result, "kfold": crossval.summary()}


def _examples(logits: dict[str, Floats], data: Data, metrics: dict[str, Any]) -> list[Example]:
    """Return the network's answers to the test photos, for the picture in the report."""
    probabilities = softmax(logits["test"] / metrics["calibration"]["temperature"])
    photos, _ = data.chosen(data.part("test"))
    return [
        Example(photo.path, photo.label, data.labels[row.argmax()], float(row.max()))
        for photo, row in zip(photos, probabilities, strict=True)
    ]
