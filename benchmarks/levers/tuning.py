"""The last blocks of VGG16 learn along with the head: from the maps that enter them, which are computed once.

The head starts as it is without: solved on the features of the frozen network. Heads of folds differ, so each fold's
blocks start from ImageNet's weights again.
"""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt

from benchmarks.levers.features import MAPS, FrozenFeatures
from benchmarks.levers.measure import Lever, Measurement
from benchmarks.levers.views import View
from benchmarks.levers.yardstick import Yardstick
from train.fitting.finetune import last_blocks_of
from train.metrics import Floats, Ints, softmax
from train.networks.network import LOGITS, pooled_features
from train.networks.vgg16 import FULL_WIDTHS, last_blocks
from train.recipes import Recipe
from train.views.features import MAPS as ENTERING

_FROZEN = "frozen"
# Not the recipe's, which are 5e-5 and one epoch: the kept rows are of these.
_LEARNING_RATE = 3e-5
_BATCH = 16
_EPOCHS = 2

Inputs = dict[str, npt.NDArray[np.floating]]


class TunedMeasurement(Measurement):
    """Like `Measurement`, for a lever that says from which block on the network learns.

    Args:
        lever: With `tuned_from`; it pools blocks 4 and 5 of one view by eg2.
        yardstick: The photos.
        features: Computes what the head starts from.
    """

    def __init__(self, lever: Lever, yardstick: Yardstick, features: FrozenFeatures) -> None:
        super().__init__(lever, yardstick, features)
        if lever.tuned_from not in MAPS or (lever.pooling, lever.blocks, len(lever.test)) != ("eg2", MAPS, 1):
            raise ValueError(f"{lever.name}: only eg2 of blocks 4 and 5, of one view, is fine-tuned")
        learning = replace(features.recipe.fine_tuning, blocks=MAPS[-1] - lever.tuned_from + 1)
        recipe = replace(features.recipe, fine_tune=learning)
        entrance, _ = last_blocks(recipe.pooled_head.taps[-1], learning.blocks)
        photos = [yardstick.photos[i] for i in self.labelled]
        self._place = np.cumsum(yardstick.labelled) - 1
        self._inputs: dict[View, Inputs] = {}
        for view in self.views:
            self._inputs[view] = {ENTERING: features.entering(photos, view, entrance)}
            if lever.tuned_from == MAPS[-1]:
                self._inputs[view][_FROZEN] = features.pooled(photos, view, lever.pooling, MAPS[:1])
        self._network = learning_blocks(features.base(lever.test[0].side), recipe, len(yardstick.labels))
        self._initial = self._network.get_weights()

    def held_out(self, chosen: Ints, rest: Ints) -> Floats:
        """Teach the blocks and the head some labelled photos; return probabilities of others, `[n, C]`."""
        keras.utils.set_random_seed(0)
        head, views = self.fit(chosen), self.lever.train
        self._network.set_weights(self._initial)
        self._network.get_layer(LOGITS).set_weights([head.kernel, head.bias])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._network.compile(keras.optimizers.Adam(_LEARNING_RATE), loss)
        weights = self.lever.weighting.of(self.yardstick, chosen)
        self._network.fit(
            self._shown(chosen, views),
            np.tile(self.yardstick.targets[chosen], len(views)),
            sample_weight=np.tile(weights / weights.mean(), len(views)),
            batch_size=_BATCH,
            epochs=_EPOCHS,
            verbose=0,
        )
        return softmax(self._network.predict(self._shown(rest, self.lever.test), batch_size=_BATCH, verbose=0))

    def _shown(self, numbers: Ints, views: Sequence[View]) -> Inputs:
        """Return what the network reads of some photos, view by view."""
        places = self._place[numbers]
        return {
            name: np.concatenate([self._inputs[view][name][places] for view in views])
            for name in self._inputs[views[0]]
        }


def learning_blocks(base: keras.Model, recipe: Recipe, num_classes: int) -> keras.Model:
    """Return the network from the maps that enter the blocks that a recipe fine-tunes to logits.

    Args:
        base: VGG16.
        recipe: The blocks, and the taps of its head. A tap before the blocks is an input too, root-normalized.
        num_classes: Number of labels.
    """
    blocks, taps = last_blocks_of(base, recipe).network, recipe.pooled_head.taps
    inputs = [blocks.input]
    read = [pooled_features([blocks.output[tap] for tap in taps if tap in blocks.output])]
    if taps[0] not in blocks.output:
        inputs.append(keras.Input((FULL_WIDTHS[taps[0]],), name=_FROZEN))
        read = [inputs[-1], *read]
    joined = keras.layers.Concatenate(dtype="float32")(read) if len(read) > 1 else read[0]
    return keras.Model(inputs, keras.layers.Dense(num_classes, name=LOGITS, dtype="float32")(joined))
