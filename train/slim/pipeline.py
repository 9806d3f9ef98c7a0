"""The straight line from a finished run to the run of its slim network.

run -> features of the original -> what each channel is worth -> widths -> pruned base ->
distilled base -> the original's head behind the readout -> metrics -> report. Nothing here
knows what the photos show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edge_infer.atomic_files import write_atomic
from train.data.dataset import RunData
from train.data.photos import Photo
from train.files import read_json, write_json
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.head import LinearHead, head_features, set_head, with_familiarity
from train.fitting.pooled import CachedTraining, prepare
from train.metrics import Floats, Ints
from train.networks.network import Preprocess, build_network, pixel_scaling
from train.networks.vgg16 import FULL_WIDTHS, build_base, conv_layers, copy_in_precision, count_macs
from train.pipeline import measure_run
from train.progress import track
from train.recipes import PooledHead, Recipe
from train.runs.finished import FinishedRun
from train.runs.folder import DATA, HISTORY, METRICS, RECIPE, SPLIT, WEIGHTS
from train.slim.distillation import HISTORY as DISTILLATION
from train.slim.distillation import Distillation, Readout, distil, drop_checkpoint, observed_taps, view_recipe
from train.slim.pruning import Pruner
from train.slim.sensitivity import Reader
from train.slim.widths import check_speedup, uniform_widths, widths_for_speedup
from train.views.features import Features, extract, load_view

PRUNING_PHOTOS = 192
PRUNED = "pruned.weights.h5"
DISTILLED = "distilled.weights.h5"
READOUT = "readout.npz"
WIDTHS = "widths.json"


@dataclass(frozen=True, slots=True)
class Goal:
    """How slim: one of the two is given.

    Attributes:
        speedup: Divide the multiply-accumulates by this, where it is missed least.
        width: Keep this share of every layer's channels.
    """

    speedup: float | None = None
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Teaching:
    """What the original tells about the photos that the slim network learns from.

    Attributes:
        photos: Training photos and unlabelled pictures.
        features: Of the original, for every photo and view, as in `train.views.features.extract`.
        settings: How to distil.
        recipe: By which views are made.
    """

    photos: Sequence[Photo]
    features: Features
    settings: Distillation
    recipe: Recipe

    def load(self, chosen: Ints) -> npt.NDArray[np.uint8]:
        """Load some views, numbered as the features are when their first two axes are joined."""
        return np.stack(
            [load_view(self.photos[n % len(self.photos)], n // len(self.photos), self.recipe) for n in chosen]
        )


def check_goal(goal: Goal, recipe: Recipe) -> None:
    """Refuse a goal that no slim network of a recipe reaches, before hours are spent on it.

    Raises:
        GoalError: The speed-up is too high.
    """
    if goal.speedup is not None:
        taps, _ = observed_taps(recipe)
        layers = conv_layers(taps[-1])
        prunable = layers if isinstance(recipe.head, PooledHead) else layers[:-1]  # as in `Pruner.sensitivities`
        check_speedup(goal.speedup, layers, prunable, recipe.image_size)


def teach(base: keras.Model, recipe: Recipe, photos: Sequence[Photo], settings: Distillation, cache: Path) -> Teaching:
    """Compute or read the original's features."""
    taps, grid = observed_taps(recipe)
    recipe = view_recipe(recipe, settings)
    features = extract(photos, settings.views, recipe, copy_in_precision(base, recipe), taps, cache, grid=grid)
    return Teaching(photos, features, settings, recipe)


def slim_base(
    base: keras.Model, recipe: Recipe, head: LinearHead | None, teaching: Teaching, goal: Goal, folder: Path
) -> tuple[Recipe, keras.Model, Readout | None]:
    """Prune and distil a base; each step that the run folder holds is not done again.

    Args:
        base: The original.
        recipe: Its recipe.
        head: Its head, if that reads pooled features.
        teaching: What to learn from.
        goal: How slim.
        folder: The run folder, where the steps are kept.

    Returns:
        The slim recipe, its base and, for a pooled head, the readout.
    """
    slim, pruned = _prune(base, recipe, head, teaching, goal, folder)
    if (folder / DISTILLED).exists():
        drop_checkpoint(folder)
        pruned.load_weights(folder / DISTILLED)
        return slim, pruned, load_readout(folder)
    wanted = _wanted(recipe, teaching.features)
    wanted = wanted.reshape(-1, wanted.shape[-1])
    trained = copy_in_precision(pruned, slim)
    readout = distil(trained, slim, teaching.load, wanted, teaching.settings, folder)
    pruned.set_weights(trained.get_weights())
    if readout is not None:
        write_atomic(folder / READOUT, lambda path: _save_readout(path, readout))
    write_atomic(folder / DISTILLED, pruned.save_weights)
    drop_checkpoint(folder)
    return slim, pruned, readout


def slim(
    run: FinishedRun,
    data: RunData,
    goal: Goal,
    teaching: Teaching,
    out: Path,
    cache: Path,
    places: Mapping[str, str | None],
) -> dict[str, Any]:
    """Slim a finished run and fill a run folder like its own.

    Args:
        run: The original.
        data: Its photos.
        goal: How slim.
        teaching: What to learn from.
        out: The new run folder.
        cache: Feature cache.
        places: Where the photos are now, as in `data.json`.

    Returns:
        The metrics, as in `metrics.json`, with how it was slimmed under `slim`.
    """
    if (out / METRICS).exists():
        return read_json(out / METRICS)
    original, head = run.network.get_layer("vgg16"), pooled_head(run)
    recipe, base, readout = slim_base(original, run.recipe, head, teaching, goal, out)
    exact = replace(recipe, mixed_precision=False)  # measured as it will be exported
    network = build_network(exact, len(data.labels), None)
    network.get_layer("vgg16").set_weights(base.get_weights())
    taps, grid = observed_taps(recipe)
    # A dense head reads no pooled features; they are only for the baseline beside it, whose grid is 1.
    features = extract(data.photos, 1, exact, base, taps, cache, grid=grid if head is not None else 1)
    crossval = None
    if readout is None:
        _copy_head(run.network, network)
    else:
        own = head_features(features, taps)[0]
        set_head(network, slim_head(head, readout, own[data.part("train")]))
        if not is_tuned(run.metrics):  # a tuned block has seen the labels of every fold
            plain = replace(run.recipe, fine_tune=None)
            training = prepare(plain, plain.schedule, data, copy_in_precision(original, plain), cache)
            crossval = cross_validate_slim(training, readout, own)
    write_json(out / RECIPE, asdict(recipe))
    write_json(out / DATA, read_json(run.path / DATA) | places)
    write_json(out / SPLIT, read_json(run.path / SPLIT))
    write_json(out / HISTORY, read_json(out / DISTILLATION))
    write_atomic(out / WEIGHTS, network.save_weights)
    macs = [count_macs(widths, recipe.image_size) for widths in (full_widths(recipe), recipe.widths)]
    slimmed = {
        "widths": recipe.widths,
        "macs": macs[1],
        "speedup": macs[0] / macs[1],
        "pictures": len(teaching.photos),
        **asdict(teaching.settings),
    }
    pooled = features[taps[-1]][0]
    return measure_run(network, recipe, data, out, pooled, crossval, {"fine_tune": None, "slim": slimmed})


def cross_validate_slim(training: CachedTraining, readout: Readout, features: Floats) -> CrossValidation:
    """Cross-validate heads of the original behind one readout.

    Args:
        training: The original's; each fold's head is fitted on its features.
        readout: From the slim network's features to the original's.
        features: What the slim network's head reads, for every photo, `[N, d]`.
    """
    data = training.data
    return cross_validate(
        data.targets,
        data.groups,
        lambda chosen, held_out: slim_head(training.fit(chosen), readout, features[chosen]).logits(features[held_out]),
        num_classes=len(data.labels),
        seed=training.recipe.seed,
    )


def slim_head(original: LinearHead, readout: Readout, features: Floats) -> LinearHead:
    """Return a head of the original as one of the slim network, with a familiarity of its own.

    Args:
        original: Fitted on the original's features of some photos.
        readout: From the slim network's features to the original's.
        features: Of the slim network, for the same photos, `[N, d]`.
    """
    head = readout.head(original)
    return with_familiarity(head, features) if original.familiarity else head


def is_tuned(metrics: dict[str, Any]) -> bool:
    """Return whether a run's last block was trained with labels."""
    return bool(metrics["fine_tune"] and metrics["fine_tune"]["used"])


def pooled_head(run: FinishedRun) -> LinearHead | None:
    """Return a run's head if it reads pooled features."""
    if not isinstance(run.recipe.head, PooledHead):
        return None
    return LinearHead(*run.network.get_layer("logits").get_weights(), run.recipe.head.familiarity)


def full_widths(recipe: Recipe) -> tuple[int, ...]:
    """Return the widths that a recipe's layers have in VGG16."""
    taps, _ = observed_taps(recipe)
    return tuple(FULL_WIDTHS[name] for name in conv_layers(taps[-1]))


def _prune(
    base: keras.Model, recipe: Recipe, head: LinearHead | None, teaching: Teaching, goal: Goal, folder: Path
) -> tuple[Recipe, keras.Model]:
    """Choose widths and rebuild the base on them, or read what the run folder holds."""
    if (folder / WIDTHS).exists():
        slim = replace(recipe, widths=tuple(read_json(folder / WIDTHS)["widths"]), fine_tune=None)
        pruned = build_base(replace(slim, mixed_precision=False), None)
        pruned.load_weights(folder / PRUNED)
        return slim, pruned
    chosen = np.random.default_rng(recipe.seed).permutation(len(teaching.photos))[:PRUNING_PHOTOS]
    images = np.stack([load_view(teaching.photos[i], 0, recipe) for i in track(chosen, "Loading photos")])
    taps, grid = observed_taps(recipe)
    pruner = Pruner(base, taps[-1], Preprocess(pixel_scaling(recipe))(images).numpy(), recipe.seed)
    sensitivities = pruner.sensitivities(_head_readers(head, teaching.features, taps, grid))
    if goal.width is not None:
        widths = uniform_widths(pruner.layers, goal.width, frozenset(pruner.layers) - sensitivities.keys())
    else:
        widths = widths_for_speedup(sensitivities, pruner.layers, recipe.image_size, goal.speedup)
    slim = replace(recipe, widths=widths, fine_tune=None)
    keep = {
        name: sensitivities[name].keep(width) if name in sensitivities else np.arange(width)
        for name, width in zip(pruner.layers, widths, strict=True)
    }
    pruned = build_base(replace(slim, mixed_precision=False), None)
    for name, weights in pruner.prune(Preprocess(pixel_scaling(slim))(images).numpy(), keep).items():
        pruned.get_layer(name).set_weights(weights)
    write_atomic(folder / PRUNED, pruned.save_weights)
    curves = {name: dict(zip(found.widths, found.errors, strict=True)) for name, found in sensitivities.items()}
    write_json(folder / WIDTHS, {"widths": widths, "lost_variance": curves})
    return slim, pruned


def _head_readers(head: LinearHead | None, features: Features, taps: Sequence[str], grid: int) -> dict[str, Reader]:
    """Describe a pooled head as what reads the tapped layers."""
    if head is None:
        return {}
    kernel = head.kernel[:, : head.classes].astype(np.float64)
    kernel -= kernel.mean(axis=1, keepdims=True)  # a softmax does not see what all classes have in common
    rows = head_features(features, taps).reshape(-1, len(kernel))
    readers, start = {}, 0
    for tap in taps:
        part = slice(start, start + features[tap].shape[-1])
        readers[tap] = Reader(np.cov(rows[:, part], rowvar=False), kernel[part], grid * grid)
        start = part.stop
    return readers


def _copy_head(source: keras.Model, target: keras.Model) -> None:
    """Copy everything behind the base."""
    for layer in target.layers:
        if layer.name != "vgg16" and layer.get_weights():
            layer.set_weights(source.get_layer(layer.name).get_weights())


def _wanted(recipe: Recipe, features: Features) -> Floats:
    """Return what the slim network is to tell, `[views, N, D]`."""
    taps, _ = observed_taps(recipe)
    return head_features(features, taps) if isinstance(recipe.head, PooledHead) else features[taps[0]]


def _save_readout(path: Path, readout: Readout) -> None:
    with path.open("wb") as file:
        np.savez(file, kernel=readout.kernel, bias=readout.bias)


def load_readout(folder: Path) -> Readout | None:
    """Read a run's readout; None if it has none."""
    if not (folder / READOUT).exists():
        return None
    with np.load(folder / READOUT, allow_pickle=False) as saved:
        return Readout(saved["kernel"], saved["bias"])
