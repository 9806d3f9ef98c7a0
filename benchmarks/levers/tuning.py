"""The last blocks of VGG16 learn along with the head: from the maps that enter them, which are computed once.

The head starts as it is without: solved on the features of the frozen network. Heads of folds differ, so each fold's
blocks start from ImageNet's weights again.
"""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from benchmarks.levers.features import MAPS, FrozenFeatures
from benchmarks.levers.measure import Lever, Measurement
from benchmarks.levers.views import View
from benchmarks.levers.yardstick import Yardstick
from train.metrics import Floats, Ints, softmax
from train.networks.network import LOGITS, pooled_features
from train.networks.pooling import pool_taps
from train.networks.vgg16 import FULL_WIDTHS

_ENTERING, _FROZEN = "entering", "frozen"
_ENTRANCES = {4: "block3_pool", 5: "block4_pool"}
_TAPS = ("block4_conv3", "block5_conv3")
_LEARNING_RATE = 3e-5  # the recipe's
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
        if lever.tuned_from not in _ENTRANCES or (lever.pooling, lever.blocks, len(lever.test)) != ("eg2", MAPS, 1):
            raise ValueError(f"{lever.name}: only eg2 of blocks 4 and 5, of one view, is fine-tuned")
        entrance = _ENTRANCES[lever.tuned_from]
        photos = [yardstick.photos[i] for i in self.labelled]
        self._place = np.cumsum(yardstick.labelled) - 1
        self._inputs: dict[View, Inputs] = {}
        for view in self.views:
            self._inputs[view] = {_ENTERING: features.entering(photos, view, entrance)}
            if lever.tuned_from == MAPS[-1]:
                self._inputs[view][_FROZEN] = features.pooled(photos, view, lever.pooling, MAPS[:1])
        self._network = learning_blocks(features.base(lever.test[0].side), entrance, len(yardstick.labels))
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


def learning_blocks(base: keras.Model, entrance: str, num_classes: int) -> keras.Model:
    """Return the network from the maps that enter a block to logits; its convolutions are the base's own.

    Args:
        base: VGG16.
        entrance: The layer that the maps come from. If block 4 lies before it, its pooled features are an input too.
        num_classes: Number of labels.
    """
    maps = keras.Input(base.get_layer(entrance).output.shape[1:], name=_ENTERING)
    inputs, names, tapped = [maps], [layer.name for layer in base.layers], {}
    for name in names[names.index(entrance) + 1 : names.index(_TAPS[-1]) + 1]:
        maps = base.get_layer(name)(maps)
        tapped[name] = maps
    taps = [tap for tap in _TAPS if tap in tapped]
    read = [pooled_features(list(pool_taps(tapped, taps, pooling="energy").values()))]
    if len(taps) < len(_TAPS):
        inputs.append(keras.Input((FULL_WIDTHS[_TAPS[0]],), name=_FROZEN))
        read = [inputs[-1], *read]
    joined = keras.layers.Concatenate(dtype="float32")(read) if len(read) > 1 else read[0]
    return keras.Model(inputs, keras.layers.Dense(num_classes, name=LOGITS, dtype="float32")(joined))
