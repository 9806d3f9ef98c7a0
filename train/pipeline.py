"""The straight line from photos to a finished run folder.

photos -> split -> features -> k-fold -> head (-> fine-tuned last blocks) -> network ->
metrics -> report. Features, epochs and the trained network are kept and not made again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_infer.atomic_files import write_atomic
from train.data.dataset import Dataset
from train.data.photos import sha256_file
from train.data.run_data import RunData, read_run_data
from train.fitting.crossval import CrossValidation
from train.fitting.onthefly import fit_on_the_fly
from train.fitting.pooled import prepare, train_network
from train.fitting.tuning_choice import choose
from train.metrics import Floats
from train.networks.known import KNOWN
from train.networks.network import LOGITS, build_network, forward, output
from train.networks.vgg16 import LAST_CONV, build_base
from train.recipes import CachedViews, OnTheFly, Recipe
from train.results.measure import MEASURED_PARTS, Answers, examples, run_metrics
from train.results.report import to_markdown, write_report
from train.runs.folder import RunFolder
from train.views.features import extract, load_batch


def train(recipe: Recipe, dataset: Dataset, run: RunFolder, *, weights: str, cache: Path) -> dict[str, Any]:
    """Train a recipe and fill the run folder.

    Args:
        recipe: What to do.
        dataset: The photos.
        run: Where everything goes; written to only once the photos and weights are known to be good.
        weights: Base weights, as from `resolve_weights`.
        cache: Feature cache.

    Returns:
        The metrics, as in `metrics.json`.

    Raises:
        DataError: The photos cannot be trained on.
        WeightsError: The base weights do not fit.
        RunFolderError: The folder was started with other weights.
    """
    data = read_run_data(recipe, dataset, run.split_path)
    base = build_base(recipe, weights)
    run.start(recipe, dataset, sha256_file(Path(weights)) if Path(weights).is_file() else weights)
    data.split.save(run.split_path)
    if run.is_finished:
        return run.metrics()

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)  # decides the weights that a dense head starts from
    network = build_network(recipe, len(data.labels), weights)
    crossval, decision = None, None
    match recipe.schedule:
        case CachedViews():
            training = prepare(recipe, data, base, cache)
            pooled = training.features[recipe.pooled_head.taps[-1]][0, : len(data.photos)]
            crossval, decision = choose(training, run)
            run.write_history(training.curve())
            if is_tuned := decision is not None and decision["used"]:
                write_atomic(run.frozen_weights, training.frozen_blocks().network.save_weights)
            else:
                run.drop_folds()
            _train_once(network, run, lambda: train_network(network, training, crossval, tuned=is_tuned))
        case OnTheFly() as schedule:
            pooled = extract(data.photos, 1, recipe, base, (LAST_CONV,), cache)[LAST_CONV][0]
            _train_once(network, run, lambda: fit_on_the_fly(network, recipe, schedule, data, run))

    return measure_run(network, recipe, data, run, pooled, crossval, {"fine_tune": decision})


def measure_run(
    network: keras.Model,
    recipe: Recipe,
    data: RunData,
    run: RunFolder,
    pooled: Floats,
    crossval: CrossValidation | None,
    made: dict[str, Any],
) -> dict[str, Any]:
    """Measure a finished network and write the run's metrics and report.

    Args:
        network: RGB pixels 0–255 -> logits.
        recipe: Its recipe.
        data: The run's photos.
        run: The run folder; its history is there already.
        pooled: Pooled features of the network's last layer for every photo, `[N, D]`.
        crossval: The k-fold, or None where it would take days.
        made: What else the metrics should say of how the network was made.
    """
    answers = {part: answer(network, load_batch(data.part_photos(part), recipe)) for part in MEASURED_PARTS}
    metrics = {**run_metrics(answers, pooled, crossval, data, recipe), "parameters": network.count_params(), **made}
    shown = examples(answers["test"].logits, metrics["calibration"]["temperature"], data)
    write_report(run, to_markdown(metrics), metrics, shown, run.history())
    run.write_metrics(metrics)
    return metrics


def answer(network: keras.Model, batch_nhwc: npt.NDArray[np.uint8]) -> Answers:
    """Let a network answer for pictures `uint8 [N, H, W, 3]`."""
    logits, known = (output(network, name) for name in (LOGITS, KNOWN))
    return Answers(forward(logits)(batch_nhwc), None if known is None else forward(known)(batch_nhwc))


def _train_once(network: keras.Model, run: RunFolder, train_network: Callable[[], object]) -> None:
    """Train and keep the network, or read the one that the run has kept."""
    if run.weights_path.exists():
        run.load_weights(network)
    else:
        train_network()
        run.write_weights(network)
    run.checkpoints.drop()
