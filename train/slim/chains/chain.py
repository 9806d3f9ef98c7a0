"""A plain chain: convolutions that follow each other, then Dense layers. Other networks are not slimmed.

    entrance -> (convolution -> followers) x n -> join -> reader (the first Dense layer) -> rest of the head

The channels of a convolution can be taken away where whatever reads them is one layer: the next convolution, or the
reader, in whose kernel Flatten gives each channel a row for each place of the map.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np
import numpy.typing as npt

from train.errors import GoalError
from train.networks.network import BinaryLogits

Arrays = list[npt.NDArray[np.float32]]
Weights = dict[str, Arrays]  # by layer

_JOINS = (keras.layers.Flatten, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
# They change each channel by itself; what they learned lies along the last axis.
_FOLLOWERS = (
    *(keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU, keras.layers.PReLU),
    *(keras.layers.BatchNormalization, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
    *(keras.layers.ZeroPadding2D, keras.layers.Cropping2D),
)
_ENTRANCE = (*_FOLLOWERS, keras.layers.Rescaling, keras.layers.Resizing)
_HEAD = (*_FOLLOWERS, keras.layers.Dense)


@dataclass(frozen=True, slots=True)
class Stage:
    """A convolution and the layers behind it, up to the next.

    Attributes:
        conv: The convolution.
        followers: What changes its channels one by one.
    """

    conv: keras.layers.Conv2D
    followers: tuple[keras.layers.Layer, ...]

    @property
    def name(self) -> str:
        """The convolution's name."""
        return str(self.conv.name)

    @property
    def kernel(self) -> npt.NDArray[np.float32]:
        """`[h, w, in, out]`."""
        kernel: npt.NDArray[np.float32] = self.conv.get_weights()[0]
        return kernel

    @property
    def bias(self) -> npt.NDArray[np.float32]:
        """`[out]`, zeros where the convolution has none."""
        bias: npt.NDArray[np.float32] = (
            self.conv.get_weights()[1] if self.conv.use_bias else np.zeros(self.conv.filters, np.float32)
        )
        return bias

    @property
    def last(self) -> keras.layers.Layer:
        """The last of its layers."""
        return (self.conv, *self.followers)[-1]


@dataclass(frozen=True, slots=True)
class Chain:
    """The parts of a plain chain, in their order; its layers are those of the network it was read from.

    Attributes:
        image: The network's input.
        entrance: What the picture goes through before the first convolution.
        stages: The convolutions.
        join: What makes a vector of the last maps.
        reader: The Dense layer that reads it.
        rest: The layers behind it, up to the logits.
    """

    image: keras.KerasTensor
    entrance: tuple[keras.layers.Layer, ...]
    stages: tuple[Stage, ...]
    join: keras.layers.Layer
    reader: keras.layers.Dense
    rest: tuple[keras.layers.Layer, ...]

    @property
    def widths(self) -> dict[str, int]:
        """Output channels, by convolution."""
        return {stage.name: int(stage.conv.filters) for stage in self.stages}

    @property
    def places(self) -> int:
        """How many rows of the reader's kernel each channel has."""
        maps = self.join.input.shape
        return math.prod(maps[1:3]) if isinstance(self.join, keras.layers.Flatten) else 1

    def cost(self, widths: Mapping[str, int]) -> tuple[int, int]:
        """Return multiply-accumulates and weights with other widths."""
        channels = int(self.stages[0].conv.input.shape[-1])
        macs = weights = 0
        for stage in self.stages:
            own = math.prod(stage.conv.kernel_size) * channels * widths[stage.name]
            weights += own
            macs += own * math.prod(stage.conv.output.shape[1:3])
            channels = widths[stage.name]
        dense = self.places * channels * int(self.reader.units)
        dense += sum(math.prod(layer.kernel.shape) for layer in self.rest if isinstance(layer, keras.layers.Dense))
        return macs + dense, weights + dense

    def with_widths(self, widths: Mapping[str, int], policy: str = "float32") -> keras.Model:
        """Build the same network with other widths, its weights not set.

        Args:
            widths: Output channels, by convolution.
            policy: What its layers compute in, as `keras.config.set_dtype_policy` names it.
        """
        image = tensor = keras.Input(self.image.shape[1:])
        for layer in self._layers():
            config = {**layer.get_config(), "dtype": policy}
            if layer.name in widths:
                # Solved anew, a convolution needs a bias, also where a normalization behind it stood in for one.
                config |= {"filters": widths[layer.name], "use_bias": True}
            if layer is self.reader:
                config["use_bias"] = True
            config.pop("shared_object_id", None)
            tensor = type(layer).from_config(config)(tensor)
        return keras.Model(image, tensor, name="slim")

    def weights(self) -> Weights:
        """Return all of its weights, as a network of `with_widths` takes them."""
        bias = self.reader.get_weights()[1] if self.reader.use_bias else np.zeros(self.reader.units, np.float32)
        return {
            **self.unchanged(),
            **{stage.name: [stage.kernel, stage.bias] for stage in self.stages},
            **{layer.name: layer.get_weights() for stage in self.stages for layer in stage.followers if layer.weights},
            self.reader.name: [self.reader.get_weights()[0], bias],
        }

    def unchanged(self) -> Weights:
        """Return the weights of the layers that pruning does not change: those before and behind."""
        return {layer.name: layer.get_weights() for layer in (*self.entrance, *self.rest) if layer.weights}

    def _layers(self) -> Iterator[keras.layers.Layer]:
        yield from self.entrance
        for stage in self.stages:
            yield stage.conv
            yield from stage.followers
        yield from (self.join, self.reader, *self.rest)


def read_chain(network: keras.Model, name: str) -> Chain:
    """Read a network as a plain chain.

    Args:
        network: `[N, H, W, 3]` -> logits `[N, classes]`.
        name: What messages call it.

    Raises:
        GoalError: It is none; the message says why.
    """

    def refused(why: str) -> GoalError:
        return GoalError(f"{name} cannot be slimmed: {why}; only plain chains of convolutions can, such as VGG16")

    layers = list(network.operations)
    if isinstance(layers[-1], BinaryLogits):
        del layers[-1]
    for before, layer in pairwise(layers):
        if not isinstance(layer, keras.layers.Layer) or layer.input is not before.output:
            raise refused(f"layer {layer.name!r} does not read the one before it alone")
    image, *layers = layers
    convs = [i for i, layer in enumerate(layers) if type(layer) is keras.layers.Conv2D]
    joins = [i for i, layer in enumerate(layers) if isinstance(layer, _JOINS)]
    if not convs or len(joins) != 1 or joins[0] < convs[-1]:
        raise refused("it is not convolutions, then one Flatten or global pooling, then Dense layers")
    head = layers[joins[0] + 1 :]
    if not head or not isinstance(head[0], keras.layers.Dense):
        raise refused("no Dense layer reads its maps" if not head else f"layer {head[0].name!r} reads its maps")
    bounds = [*convs, joins[0]]
    stages = tuple(Stage(layers[start], tuple(layers[start + 1 : end])) for start, end in pairwise(bounds))
    for part, allowed in (
        (layers[: convs[0]], _ENTRANCE),
        ([layer for stage in stages for layer in stage.followers], _FOLLOWERS),
        (head, _HEAD),
    ):
        if other := next((layer for layer in part if not isinstance(layer, allowed)), None):
            raise refused(f"layer {other.name!r} is a {type(other).__name__}")
    if special := next((stage for stage in stages if not _is_plain(stage.conv)), None):
        raise refused(f"convolution {special.name!r} has groups or gaps")
    return Chain(image.output, tuple(layers[: convs[0]]), stages, layers[joins[0]], head[0], tuple(head[1:]))


def _is_plain(conv: keras.layers.Conv2D) -> bool:
    return conv.groups == 1 and tuple(conv.dilation_rate) == (1, 1)


def set_weights(network: keras.Model, weights: Mapping[str, Sequence[npt.NDArray[np.float32]]]) -> None:
    """Put weights into a network's layers, by name."""
    for name, arrays in weights.items():
        network.get_layer(name).set_weights(arrays)
