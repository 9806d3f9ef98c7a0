"""The straight line from a finished run to the run of its slim network, for one goal.

run -> what each channel is worth -> widths -> pruned base -> distilled base -> the original's
head behind the readout -> metrics -> report. Nothing here knows what the photos show.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from train.data.run_data import RunData
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.head import LinearHead, head_features, set_head
from train.fitting.pooled import prepare
from train.metrics import Floats
from train.networks.network import build_network
from train.networks.vgg16 import copy_in_precision, count_macs
from train.pipeline import measure_run
from train.recipes import PooledHead, Recipe
from train.runs.finished import FinishedRun
from train.runs.slim_folder import SlimFolder
from train.slim.base import slim_base
from train.slim.goal import Goal
from train.slim.observed import full_widths, observed_pooling, observed_taps
from train.slim.readout import Readout, slim_head
from train.slim.teaching import Teaching
from train.views.features import extract


def slim_to(
    goal: Goal, original: FinishedRun, data: RunData, teaching: Teaching, out: SlimFolder, cache: Path
) -> dict[str, Any]:
    """Slim a finished run and fill a run folder like its own.

    Args:
        goal: How slim.
        original: The run.
        data: Its photos.
        teaching: What to learn from.
        out: The new run folder.
        cache: Feature cache.

    Returns:
        The metrics, as in `metrics.json`, with how it was slimmed under `slim`.
    """
    if out.is_finished:
        return out.metrics()
    head = pooled_head(original)
    base = original.network.get_layer("vgg16")
    recipe, slim, readout = slim_base(base, original.recipe, head, teaching, goal, out)
    exact = replace(recipe, mixed_precision=False)  # measured as it will be exported
    taps, grid = observed_taps(recipe)
    # A dense head reads no pooled features; they are only for the baseline beside it, whose grid is 1.
    grid, pooling = 1 if head is None else grid, observed_pooling(recipe)
    features = extract(data.photos, 1, exact, slim, taps, cache, grid=grid, pooling=pooling)
    network = build_network(exact, len(data.labels), None)
    network.get_layer("vgg16").set_weights(slim.get_weights())
    crossval = None
    if head is None or readout is None:
        _copy_head(original.network, network)
    else:
        own = head_features(features, taps)[0]
        set_head(network, slim_head(head, readout, own[data.part("train")]))
        crossval = cross_validate_slim(original, data, readout, own, cache)
    out.start(recipe, data.dataset, original.folder.base_weights)
    data.split.save(out.split_path)
    out.write_history(out.distillation.history())
    out.write_weights(network)
    made = {"fine_tune": None, "slim": _slimmed(recipe, teaching)}
    return measure_run(network, recipe, data, out, features[taps[-1]][0], crossval, made)


def cross_validate_slim(
    original: FinishedRun, data: RunData, readout: Readout, features: Floats, cache: Path
) -> CrossValidation | None:
    """Cross-validate heads of the original behind one readout; each fold's head is fitted on its features.

    Args:
        original: The run.
        data: Its photos.
        readout: From the slim network's features to the original's.
        features: What the slim network's head reads, for every photo, `[N, d]`.
        cache: Feature cache.

    Returns:
        None if the original's last block was fine-tuned: it has seen the labels of every fold.
    """
    if is_tuned(original.metrics):
        return None
    recipe = replace(original.recipe, fine_tune=None)
    base = copy_in_precision(original.network.get_layer("vgg16"), recipe)
    training = prepare(recipe, data, base, cache)
    return cross_validate(
        data.targets,
        data.groups,
        lambda chosen, held_out: slim_head(training.fit(chosen), readout, features[chosen]).logits(features[held_out]),
        num_classes=len(data.labels),
        seed=recipe.seed,
    )


def is_tuned(metrics: dict[str, Any]) -> bool:
    """Return whether a run's last block was trained with labels."""
    return bool(metrics["fine_tune"] and metrics["fine_tune"]["used"])


def pooled_head(run: FinishedRun) -> LinearHead | None:
    """Return a run's head if it reads pooled features."""
    if not isinstance(run.recipe.head, PooledHead):
        return None
    kernel, bias = run.network.get_layer("logits").get_weights()
    return LinearHead(kernel, bias, run.recipe.head.familiarity)


def _slimmed(recipe: Recipe, teaching: Teaching) -> dict[str, Any]:
    """Return what the metrics say of how a network was slimmed."""
    full = full_widths(recipe)
    before, after = (count_macs(widths, recipe.image_size) for widths in (full, recipe.widths or full))
    return {
        "widths": recipe.widths,
        "macs": after,
        "speedup": before / after,
        "pictures": len(teaching.photos),
        **asdict(teaching.settings),
    }


def _copy_head(source: keras.Model, target: keras.Model) -> None:
    """Copy everything behind the base."""
    for layer in target.layers:
        if layer.name != "vgg16" and layer.get_weights():
            layer.set_weights(source.get_layer(layer.name).get_weights())
