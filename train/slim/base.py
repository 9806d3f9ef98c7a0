"""A slim base: channels chosen and the base rebuilt on them, then taught by the original."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from train.fitting.head import LinearHead, head_features
from train.networks.pixels import Preprocess, pixel_scaling
from train.networks.vgg16 import build_base, copy_in_precision
from train.recipes import Recipe
from train.runs.slim_folder import SlimFolder
from train.slim.distillation import distil
from train.slim.goal import Goal
from train.slim.kept_views import KeptViews
from train.slim.observed import observed_taps
from train.slim.pruning import Pruner
from train.slim.sensitivity import Channels, Reader, Sensitivity
from train.slim.teaching import Teaching
from train.slim.widths import uniform_widths, widths_for_speedup
from train.views.features import Features, load_batch

PRUNING_PHOTOS = 192


def slim_base(
    base: keras.Model, recipe: Recipe, head: LinearHead | None, teaching: Teaching, goal: Goal, folder: SlimFolder
) -> tuple[Recipe, keras.Model]:
    """Prune and distil a base; each step that the run folder holds is not done again.

    Args:
        base: The original.
        recipe: Its recipe.
        head: Its head, if that reads pooled features.
        teaching: What to learn from.
        goal: How slim.
        folder: The run folder, where the steps are kept.

    Returns:
        The slim recipe and its base.
    """
    slim, pruned = prune(base, recipe, head, teaching, goal, folder)
    if folder.is_distilled:
        folder.load_distilled(pruned)
    else:
        taught = copy_in_precision(pruned, slim)
        wanted = teaching.wanted()
        views = KeptViews(teaching.resized(slim.image_size).load, len(wanted), slim.image_size, slim.image_size)
        distil(taught, slim, views.load, wanted, teaching.settings, folder.distillation)
        pruned.set_weights(taught.get_weights())
        folder.write_distilled(pruned)
    folder.distillation.drop()
    return slim, pruned


def prune(
    base: keras.Model, recipe: Recipe, head: LinearHead | None, teaching: Teaching, goal: Goal, folder: SlimFolder
) -> tuple[Recipe, keras.Model]:
    """Choose widths and rebuild the base on them, or read what the run folder holds."""
    full_size, recipe = recipe.image_size, goal.resized(recipe)
    if (widths := folder.widths()) is not None:
        slim, pruned = _empty_base(recipe, widths)
        folder.load_pruned(pruned)
        return slim, pruned
    measured = measure_channels(base, recipe, head, teaching)
    pruner, sensitivities = measured.pruner, measured.sensitivities
    widths = _choose_widths(goal, pruner.layers, sensitivities, full_size, recipe.image_size)
    keep = _kept_channels(pruner.layers, widths, sensitivities)
    slim, pruned = _empty_base(recipe, widths)
    for name, weights in pruner.prune(Preprocess(pixel_scaling(slim))(measured.images).numpy(), keep).items():
        pruned.get_layer(name).set_weights(weights)
    curves = {name: dict(zip(found.widths, found.errors, strict=True)) for name, found in sensitivities.items()}
    folder.write_pruned(pruned, widths, curves)
    return slim, pruned


@dataclass(frozen=True, slots=True)
class MeasuredChannels:
    """What each channel of a base is worth.

    Attributes:
        pruner: The base.
        sensitivities: Of the layers that may be pruned.
        images: The photos that it was measured on, `uint8 [N, H, W, 3]`.
    """

    pruner: Pruner
    sensitivities: dict[str, Sensitivity]
    images: npt.NDArray[np.uint8]


def measure_channels(
    base: keras.Model, recipe: Recipe, head: LinearHead | None, teaching: Teaching
) -> MeasuredChannels:
    """Measure what each channel is worth, on some of the pictures to learn from.

    Args:
        base: The original.
        recipe: With the slim network's input.
        head: As in `slim_base`.
        teaching: Likewise.
    """
    chosen = np.random.default_rng(recipe.seed).permutation(len(teaching.photos))[:PRUNING_PHOTOS]
    images = load_batch([teaching.photos[i] for i in chosen], recipe)
    taps, grid = observed_taps(recipe)
    # At the slim network's size: a layer is solved to give what the original's gives there.
    pixels = Preprocess(pixel_scaling(recipe))(images).numpy()
    pruner = Pruner(base, taps[-1], pixels, recipe.seed, recipe.first_stride)
    return MeasuredChannels(pruner, pruner.sensitivities(_head_readers(head, teaching.features, taps, grid)), images)


def _empty_base(recipe: Recipe, widths: tuple[int, ...]) -> tuple[Recipe, keras.Model]:
    """Return a recipe with these widths, and a base of it in float32, without its weights."""
    slim = replace(recipe, widths=widths, fine_tune=None)
    return slim, build_base(replace(slim, mixed_precision=False), None)


def _choose_widths(
    goal: Goal, layers: tuple[str, ...], sensitivities: dict[str, Sensitivity], full_size: int, image_size: int
) -> tuple[int, ...]:
    if goal.speedup is not None:
        return widths_for_speedup(sensitivities, layers, full_size, image_size, goal.speedup, goal.first_stride)
    if goal.width is not None:
        return uniform_widths(layers, goal.width, frozenset(layers) - sensitivities.keys())
    raise ValueError("a goal is a speed-up or a width")


def _kept_channels(
    layers: tuple[str, ...], widths: tuple[int, ...], sensitivities: dict[str, Sensitivity]
) -> dict[str, Channels]:
    """Return the channels that each layer keeps; a layer that is not pruned keeps all."""
    return {
        name: sensitivities[name].keep(width) if name in sensitivities else np.arange(width)
        for name, width in zip(layers, widths, strict=True)
    }


def _head_readers(head: LinearHead | None, features: Features, taps: Sequence[str], grid: int) -> dict[str, Reader]:
    """Describe a pooled head as what reads the tapped layers."""
    if head is None:
        return {}
    kernel = head.kernel.astype(np.float64)
    kernel -= kernel.mean(axis=1, keepdims=True)  # a softmax does not see what all classes have in common
    rows = head_features(features, taps).reshape(-1, len(kernel))
    readers, start = {}, 0
    for tap in taps:
        part = slice(start, start + features[tap].shape[-1])
        readers[tap] = Reader(np.cov(rows[:, part], rowvar=False), kernel[part], grid * grid)
        start = part.stop
    return readers
