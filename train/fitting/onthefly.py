"""Train a head through the frozen base on photos augmented anew in every epoch.

This is how the published recipes train. The state is saved after every epoch, and an
epoch's views, order and dropout follow from the seed and its number, so a resumed run
ends where an uninterrupted one would. The base does not learn, so it only runs forward:
once for each new view, once in all for the validation photos.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from train.data.photos import Photo
from train.data.run_data import RunData
from train.metrics import Floats, Ints
from train.networks.network import FLATTEN, forward
from train.progress import track
from train.recipes import OnTheFly, Recipe
from train.runs.checkpoints import History
from train.runs.folder import RunFolder
from train.views.augmentation import augment, view_rng
from train.views.features import load_batch


def fit_on_the_fly(
    network: keras.Model,
    recipe: Recipe,
    schedule: OnTheFly,
    data: RunData,
    run: RunFolder,
) -> History:
    """Train `network` in place, resuming from the run folder's last whole epoch.

    Args:
        network: From `build_network`, seeded by the caller; its base is frozen.
        recipe: Augmentation and seed.
        schedule: How to train.
        data: Its training photos are trained on, its validation photos measured after every epoch.
        run: Where the state is kept.

    Returns:
        Loss and accuracy by epoch.
    """
    maps = network.get_layer(FLATTEN).input
    base, head = keras.Model(network.input, maps), keras.Model(maps, network.output)
    optimizer = keras.optimizers.get(schedule.optimizer)
    if schedule.learning_rate is not None:
        optimizer.learning_rate = schedule.learning_rate
    head.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    optimizer.build(head.trainable_variables)

    history = run.checkpoints.resume(head)
    done = len(history.get("loss", ()))
    run_base = forward(base)
    photos, targets = data.part_photos("train"), data.targets[data.part("train")]
    images = load_batch(photos, recipe)
    held_out = _validation_sets(run_base, recipe, schedule, data)
    for epoch in track(range(done, schedule.epochs), f"Training {recipe.name}"):
        drawn = _drawn(len(photos), schedule, recipe.seed, epoch)
        _seed_dropout(network, recipe.seed, epoch)
        logs = head.fit(
            run_base(_views(images, photos, recipe, drawn)),
            targets[[i for _, i in drawn]],
            batch_size=schedule.batch_size,
            shuffle=False,
            verbose=0,
        ).history
        measured = {name: values[0] for name, values in logs.items()}
        for prefix, (held_out_maps, held_out_targets) in held_out.items():
            logs = head.evaluate(held_out_maps, held_out_targets, return_dict=True, verbose=0)
            measured |= {f"{prefix}{name}": value for name, value in logs.items()}
        for name, value in measured.items():
            history.setdefault(name, []).append(value)
        run.checkpoints.keep(head, history)
    return history


def _seed_dropout(network: keras.Model, seed: int, epoch: int) -> None:
    """Let an epoch's dropout follow from its number; weight files do not hold its random state."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(layers):
        state = np.random.default_rng([seed, epoch, number]).integers(2**32, size=2, dtype=np.uint32)
        layer.seed_generator.state.assign(state)


def _validation_sets(
    run_base: Callable[[npt.NDArray[Any]], Floats], recipe: Recipe, schedule: OnTheFly, data: RunData
) -> dict[str, tuple[Floats, Ints]]:
    """Return feature maps and targets of the validation photos, by the prefix of what is measured on them."""
    images, targets = load_batch(data.part_photos("validation"), recipe), data.targets[data.part("validation")]
    order = np.random.default_rng(recipe.seed).permutation(len(targets))
    if schedule.validation_steps is not None:
        order = np.resize(order, schedule.validation_steps * schedule.batch_size)
    sets: dict[str, npt.NDArray[Any]] = {"val_": images}
    if schedule.unscaled_validation:
        # The network divides by 255 itself; so much too bright is what the published generator fed it.
        sets = {"val_": images.astype(np.float32) * 255, "rescaled_val_": images}
    return {prefix: (run_base(pixels)[order], targets[order]) for prefix, pixels in sets.items()}


def _drawn(photos: int, schedule: OnTheFly, seed: int, epoch: int) -> list[tuple[int, int]]:
    """Return what an epoch trains on, in order: pairs of the pass over the photos and the photo's number."""
    size = photos if schedule.steps is None else schedule.steps * schedule.batch_size
    start = epoch * size
    first, last = start // photos, (start + size - 1) // photos
    passes = [
        (number, int(i))
        for number in range(first, last + 1)
        for i in np.random.default_rng([seed, number]).permutation(photos)
    ]
    return passes[start - first * photos :][:size]


def _views(
    images: npt.NDArray[np.uint8], photos: Sequence[Photo], recipe: Recipe, drawn: list[tuple[int, int]]
) -> npt.NDArray[np.uint8]:
    # View 0 is the photo itself, so passes count from 1.
    return np.stack(
        [
            augment(images[i], recipe.augmentation, view_rng(photos[i].sha256, number + 1, recipe.seed))
            for number, i in drawn
        ]
    )
