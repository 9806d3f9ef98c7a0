"""Fine-tune the network's last block of VGG16 together with a trained head, on cached maps.

Everything below that block stays frozen, so its output is computed once; a step
costs a tenth of one through the whole network.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from train.fitting.head import LinearHead
from train.networks.network import LOGITS, pooled_features
from train.networks.pooling import pool_taps
from train.networks.vgg16 import block_of
from train.recipes import FineTune, PooledHead
from train.views.features import MAPS, Features


@dataclass(frozen=True, slots=True)
class LastBlock:
    """A fine-tuned last block and head.

    Attributes:
        model: Cached features of one view -> logits.
        tap: The layer that the block ends in.
    """

    model: keras.Model
    tap: str

    def logits(self, features: Features) -> npt.NDArray[np.float32]:
        """Return `float32 [N, C]` for the first view of every photo."""
        inputs = _inputs(features, self.model, views=1)
        logits: npt.NDArray[np.float32] = self.model.predict(inputs, batch_size=32, verbose=0)
        return logits

    def put_into(self, network: keras.Model) -> None:
        """Copy the trained weights into a network of the same recipe."""
        base = network.get_layer("vgg16")
        for name in block_of(self.tap)[1]:
            base.get_layer(name).set_weights(self.model.get_layer(name).get_weights())
        network.get_layer("logits").set_weights(self.model.get_layer("logits").get_weights())


def fine_tune(
    features: Features,
    targets: npt.NDArray[np.int64],
    head: LinearHead,
    base: keras.Model,
    shape: PooledHead,
    settings: FineTune,
    seed: int,
) -> LastBlock:
    """Train the last block and the head.

    Args:
        features: Of the training photos, from `extract(..., with_maps=True)`.
        targets: Class indices `[N]`.
        head: Where the head starts.
        base: VGG16, where the block starts; not changed.
        shape: The recipe's head; its last tap is the network's end.
        settings: How to train.
        seed: Decides the order of the views.
    """
    keras.utils.set_random_seed(seed)
    model = _build(features, base, shape, num_classes=len(head.bias))
    model.get_layer(LOGITS).set_weights([head.kernel, head.bias])
    model.compile(
        keras.optimizers.Adam(settings.learning_rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    views = len(features[MAPS])
    model.fit(
        _inputs(features, model, views),
        np.tile(targets, views),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
    )
    return LastBlock(model, shape.taps[-1])


def _build(features: Features, base: keras.Model, shape: PooledHead, num_classes: int) -> keras.Model:
    *lower_taps, last_tap = shape.taps
    _, block = block_of(last_tap)
    inputs: dict[str, Any] = {MAPS: keras.Input(features[MAPS].shape[2:], name=MAPS)}
    maps = inputs[MAPS]
    for name in block:
        maps = keras.layers.Conv2D.from_config(base.get_layer(name).get_config() | {"trainable": True})(maps)
    pooled = []
    for tap in lower_taps:
        inputs[tap] = keras.Input(features[tap].shape[2:], name=tap)
        pooled.append(inputs[tap])
    pooled += pool_taps({last_tap: maps}, (last_tap,), shape.grid, shape.pooling).values()
    model = keras.Model(inputs, keras.layers.Dense(num_classes, name=LOGITS)(pooled_features(pooled)))
    for name in block:
        model.get_layer(name).set_weights(base.get_layer(name).get_weights())
    return model


def _inputs(features: Features, model: keras.Model, views: int) -> dict[str, npt.NDArray[Any]]:
    """Return what a model reads of the first views of every photo, flattened to rows."""
    return {name: features[name][:views].reshape(-1, *features[name].shape[2:]) for name in model.input}
