"""Train a head through the frozen base on photos augmented anew in every epoch.

This is how the published recipes train. The state is saved after every epoch, and an
epoch's views and order follow from the seed and its number, so a resumed run ends
where an uninterrupted one would.
"""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from train.augmentation import augment, view_rng
from train.features import load_batch
from train.photos import Photo
from train.progress import track
from train.recipes import OnTheFly, Recipe
from train.run_folder import HISTORY, RunFolder, read_json, write_atomic, write_json

_CHECKPOINT = "checkpoint-{epoch}.weights.h5"

History = dict[str, list[float]]


def fit_on_the_fly(
    network: keras.Model,
    recipe: Recipe,
    schedule: OnTheFly,
    train: tuple[Sequence[Photo], npt.NDArray[np.int64]],
    validation: tuple[Sequence[Photo], npt.NDArray[np.int64]],
    run: RunFolder,
) -> History:
    """Train `network` in place, resuming from the run folder's last whole epoch.

    Args:
        network: From `build_network`; its base is frozen.
        recipe: Augmentation and seed.
        schedule: How to train.
        train: Photos and class indices.
        validation: Photos and class indices, measured after every epoch.
        run: Where the state is kept.

    Returns:
        Loss and accuracy by epoch.
    """
    keras.utils.set_random_seed(recipe.seed)
    optimizer = keras.optimizers.get(schedule.optimizer)
    if schedule.learning_rate is not None:
        optimizer.learning_rate = schedule.learning_rate
    network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    optimizer.build(network.trainable_variables)

    history: History = read_json(run.path / HISTORY) if (run.path / HISTORY).exists() else {}
    done = len(history.get("loss", ()))
    if 0 < done < schedule.epochs:
        network.load_weights(run.path / _CHECKPOINT.format(epoch=done))
    photos, targets = train
    images = load_batch(photos, recipe)
    held_out = (load_batch(validation[0], recipe), validation[1])
    for epoch in track(range(done, schedule.epochs), f"Training {recipe.name}"):
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(photos))
        views = _epoch_views(images, photos, recipe, epoch)
        logs = network.fit(
            views[order],
            targets[order],
            batch_size=schedule.batch_size,
            shuffle=False,
            validation_data=held_out,
            verbose=0,
        ).history
        for name, values in logs.items():
            history.setdefault(name, []).append(values[0])
        write_atomic(run.path / _CHECKPOINT.format(epoch=epoch + 1), network.save_weights)
        write_json(run.path / HISTORY, history)
        (run.path / _CHECKPOINT.format(epoch=epoch)).unlink(missing_ok=True)
    return history


def drop_checkpoints(run: RunFolder) -> None:
    """Remove the training state once the network itself is saved."""
    for path in run.path.glob(_CHECKPOINT.format(epoch="*")):
        path.unlink()


def _epoch_views(
    images: npt.NDArray[np.uint8], photos: Sequence[Photo], recipe: Recipe, epoch: int
) -> npt.NDArray[np.uint8]:
    # View 0 is the photo itself, so epochs count from 1.
    return np.stack(
        [
            augment(image, recipe.augmentation, view_rng(photo.sha256, epoch + 1, recipe.seed))
            for image, photo in zip(images, photos, strict=True)
        ]
    )
