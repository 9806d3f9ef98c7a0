"""Fine-tune the last blocks of VGG16 on cached maps: the features learn, and heads are fitted on them as on any others.

Everything below those blocks stays frozen, so its output is computed once. The blocks learn along with a head that
starts as the frozen features' own; it has then done its work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from train.fitting.head import LinearHead, class_weights
from train.networks.network import LOGITS, pooled_features
from train.networks.pooling import pool_taps
from train.networks.vgg16 import last_blocks
from train.recipes import Recipe
from train.views.features import MAPS, Features, scene

_FORWARD_BATCH = 32


@dataclass(frozen=True, slots=True)
class LastBlocks:
    """The last blocks of a base, apart from it: they may learn.

    Attributes:
        network: Maps that enter them -> pooled features, by the names that `train.views.features.extract` gives them.
        convolutions: The names of their convolutions.
    """

    network: keras.Model
    convolutions: tuple[str, ...]

    def features(self, features: Features) -> Features:
        """Return what the blocks make of the cached maps of every view, beside what lies before them."""
        maps = features[MAPS]
        rows = maps.reshape(-1, *maps.shape[2:])
        parts = [
            self.network(rows[start : start + _FORWARD_BATCH], training=False)
            for start in range(0, len(rows), _FORWARD_BATCH)
        ]
        made = {name: np.concatenate([part[name] for part in parts]) for name in self.network.output}
        before = {name: values for name, values in features.items() if name != MAPS and name not in made}
        return before | {name: values.reshape(*maps.shape[:2], -1) for name, values in made.items()}

    def put_into(self, base: keras.Model) -> None:
        """Copy the weights into a base of the same recipe."""
        for name in self.convolutions:
            base.get_layer(name).set_weights(self.network.get_layer(name).get_weights())


def last_blocks_of(base: keras.Model, recipe: Recipe) -> LastBlocks:
    """Return the blocks that a recipe fine-tunes, as the base has them.

    Args:
        base: VGG16; not changed.
        recipe: With `fine_tune` and a `PooledHead`, whose last tap is the blocks' end.
    """
    shape, settings = recipe.pooled_head, recipe.fine_tuning
    entrance, convolutions = last_blocks(shape.taps[-1], settings.blocks)
    names = [layer.name for layer in base.layers]
    maps = image = keras.Input(base.get_layer(entrance).output.shape[1:], name=MAPS)
    tapped: dict[str, keras.KerasTensor] = {}
    for name in names[names.index(entrance) + 1 : names.index(shape.taps[-1]) + 1]:
        layer = base.get_layer(name)
        maps = type(layer).from_config(layer.get_config() | {"trainable": True})(maps)
        if name in shape.taps:
            tapped[name] = maps
    taps = tuple(tapped)
    pooled = pool_taps(tapped, taps, shape.grid, shape.pooling)
    if shape.pooling == "energy":
        pooled |= {scene(tap): values for tap, values in pool_taps(tapped, taps).items()}
    network = keras.Model(image, pooled)
    for name in convolutions:
        network.get_layer(name).set_weights(base.get_layer(name).get_weights())
    return LastBlocks(network, convolutions)


def fine_tune(
    blocks: LastBlocks, features: Features, targets: npt.NDArray[np.int64], head: LinearHead, recipe: Recipe
) -> None:
    """Train the last blocks in place.

    Args:
        blocks: The blocks.
        features: Of the training photos, with the maps that enter the blocks.
        targets: Class indices `[N]`.
        head: Where the head that learns along starts.
        recipe: Says how; its seed decides the order of the views.
    """
    shape, settings = recipe.pooled_head, recipe.fine_tuning
    keras.utils.set_random_seed(recipe.seed)
    inputs: dict[str, Any] = {MAPS: blocks.network.input}
    for tap in shape.taps:
        if tap not in blocks.network.output:
            inputs[tap] = keras.Input(features[tap].shape[2:], name=tap)
    read = [inputs[tap] if tap in inputs else blocks.network.output[tap] for tap in shape.taps]
    model = keras.Model(inputs, keras.layers.Dense(len(head.bias), name=LOGITS)(pooled_features(read)))
    model.get_layer(LOGITS).set_weights([head.kernel, head.bias])
    model.compile(
        keras.optimizers.Adam(settings.learning_rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    shown = {name: features[name].reshape(-1, *features[name].shape[2:]) for name in inputs}
    weights, views = class_weights(targets, shape.balance), len(features[MAPS])
    answers = np.tile(targets, views), np.tile(weights / weights.mean(), views)
    model.fit(_Batches(shown, *answers, settings.batch_size, recipe.seed), epochs=settings.epochs, verbose=0)


class _Batches(keras.utils.PyDataset):
    """Batches of views in an order that each epoch draws anew. `fit` would copy all maps, in single precision."""

    def __init__(
        self,
        shown: Mapping[str, npt.NDArray[Any]],
        targets: npt.NDArray[np.int64],
        weights: npt.NDArray[np.floating[Any]],
        size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._shown, self._targets, self._weights, self._size = shown, targets, weights, size
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._targets) // self._size)

    def __getitem__(self, number: int) -> tuple[dict[str, npt.NDArray[Any]], Any, Any]:
        rows = self._order[number * self._size : (number + 1) * self._size]
        batch = {name: values[rows].astype(np.float32) for name, values in self._shown.items()}
        return batch, self._targets[rows], self._weights[rows]

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._targets))
