"""The straight line from a finished run to the run of its slim network, for one goal.

run -> what each channel is worth -> widths -> pruned base -> distilled base -> heads fitted on it as
on any base -> metrics -> report. Nothing here knows what the photos show.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from train.data.run_data import RunData
from train.fitting.crossval import CrossValidation
from train.fitting.head import LinearHead
from train.fitting.pooled import prepare, train_network
from train.metrics import Floats
from train.networks.network import build_network
from train.networks.vgg16 import LAST_CONV, count_macs
from train.pipeline import measure_run
from train.recipes import PooledHead, Recipe
from train.runs.finished import FinishedRun
from train.runs.slim_folder import SlimFolder
from train.slim.base import slim_base
from train.slim.goal import Goal
from train.slim.observed import full_widths
from train.slim.teaching import Teaching
from train.views.features import extract


def slim_to(
    goal: Goal,
    original: FinishedRun,
    base: keras.Model,
    data: RunData,
    teaching: Teaching,
    out: SlimFolder,
    cache: Path,
) -> dict[str, Any]:
    """Slim a finished run and fill a run folder like its own.

    Args:
        goal: How slim.
        original: The run.
        base: Its base, without anything learned from labels.
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
    recipe, slim = slim_base(base, original.recipe, head, teaching, goal, out)
    exact = replace(recipe, mixed_precision=False)  # measured as it will be exported
    network = build_network(exact, len(data.labels), None)
    network.get_layer("vgg16").set_weights(slim.get_weights())
    if head is None:
        _copy_head(original.network, network)
        pooled, crossval = extract(data.photos, 1, exact, slim, (LAST_CONV,), cache)[LAST_CONV][0], None
    else:
        pooled, crossval = _fit_heads(network, exact, data, teaching, slim, cache)
    out.start(recipe, data.dataset, original.folder.base_weights)
    data.split.save(out.split_path)
    out.write_history(out.distillation.history())
    out.write_weights(network)
    made = {"fine_tune": None, "slim": _slimmed(original.recipe, recipe, teaching)}
    return measure_run(network, recipe, data, out, pooled, crossval, made)


def _fit_heads(
    network: keras.Model, recipe: Recipe, data: RunData, teaching: Teaching, base: keras.Model, cache: Path
) -> tuple[Floats, CrossValidation]:
    """Fit the heads on the slim base; return the last layer's pooled features `[N, D]` too, and the k-fold."""
    readouts = teaching.readouts(recipe, base, cache)
    training = replace(prepare(recipe, data, base, cache), readouts=readouts)
    crossval = training.crossval()
    train_network(network, training, crossval, tuned=False)
    return training.features[recipe.pooled_head.taps[-1]][0, : len(data.photos)], crossval


def pooled_head(run: FinishedRun) -> LinearHead | None:
    """Return a run's head if it reads pooled features."""
    if not isinstance(run.recipe.head, PooledHead):
        return None
    kernel, bias = run.network.get_layer("logits").get_weights()
    return LinearHead(kernel, bias)


def _slimmed(original: Recipe, recipe: Recipe, teaching: Teaching) -> dict[str, Any]:
    """Return what the metrics say of how a network was slimmed."""
    full = full_widths(recipe)
    before = count_macs(full, original.image_size)
    after = count_macs(recipe.widths or full, recipe.image_size, recipe.first_stride)
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
