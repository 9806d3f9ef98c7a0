"""One saved layer applied to tensors: rebuilt once, wherever it is used, in whichever order its axes were saved."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from train.errors import KerasFileError
from train.imports.reading import activations
from train.imports.reading.architecture import Call, Leaf
from train.imports.reading.flow import Flow, alike, channels_to_first, channels_to_last
from train.imports.reading.hdf5 import Array
from train.imports.reading.keras_file import KerasFile
from train.imports.reading.layers import ALIASES, MERGING, PASSING, count_weights, make_layer, numbers
from train.imports.reading.operations import SIGMOID, SOFTMAX, Arithmetic, operation, preprocess
from train.imports.reading.weights import Wanted
from train.imports.scaling import known_function

_LONGEST = 2**28  # of a shape that is asked for


class LeafBuilder:
    """Rebuilds the layers of one file.

    Args:
        file: The file.

    Attributes:
        layers: Those with weights, and some without, by their path.
        wanted: What their weights are, in Keras' order.
    """

    def __init__(self, file: KerasFile) -> None:
        self.layers: dict[tuple[str, ...], keras.layers.Layer] = {}
        self.wanted: dict[tuple[str, ...], list[Wanted]] = {}
        self._file = file
        self._names: set[str] = set()
        self._held = sum(array.size for array in file.tree.arrays.values())
        self._asked = 0
        self._special: dict[str, Callable[[Leaf, Sequence[Flow]], Flow]] = {
            **dict.fromkeys(PASSING, lambda _, given: given[0]),
            **dict.fromkeys(activations.LAYERS, self._activation_layer),
            "Activation": self._activation,
            "Concatenate": self._joined,
            "Flatten": self._flattened,
            "Reshape": self._reshaped,
            "Permute": self._permuted,
            "Normalization": self._normalized,
            "Lambda": self._lambda,
        }

    def apply(self, leaf: Leaf, call: Call, given: Sequence[Flow]) -> Flow:
        """Apply a layer.

        Args:
            leaf: The layer.
            call: What it is given besides tensors.
            given: The tensors.

        Raises:
            KerasFileError: It is not rebuilt.
            Exception: As Keras raises for settings that do not fit.
        """
        kind = ALIASES.get(leaf.kind, leaf.kind)
        if kind in MERGING and len(given) > 1 and not call.arguments:
            made = MERGING[kind](name=self._named(leaf.name))([flow.tensor for flow in alike(given)])
            return Flow(made, alike(given)[0].is_first)
        if kind in self._special:
            return self._special[kind](leaf, given)
        made_flow = self._plain(kind, leaf, given[0])
        return self._operation(leaf, call, given) if made_flow is None else made_flow

    def _plain(self, kind: str, leaf: Leaf, given: Flow) -> Flow | None:
        """Apply a layer of one input, with its activation; None if there is none of that kind."""
        tensor, is_first, config = given.tensor, given.is_first, leaf.config
        is_told_first = config.get("data_format") == "channels_first"
        if given.is_map and "data_format" in config and is_told_first != is_first:
            # The file's layer sees the other axes: height and width as channels, say.
            tensor = channels_to_first(tensor) if is_first else channels_to_last(tensor)
            is_first = is_told_first
        if kind in ("BatchNormalization", "LayerNormalization"):
            _check_axis(config.get("axis", -1), Flow(tensor, is_first))
        if is_first and kind in ("PReLU", "Dense"):
            tensor, is_first = channels_to_first(tensor), False
        layer = self.layers.get(leaf.path)
        if layer is None:
            layer = make_layer(kind, config, self._named(leaf.name))
            if layer is None:
                return None
            self._asked += count_weights(kind, config, tensor.shape)
            if self._asked > self._held:
                raise KerasFileError(
                    f"{self._file.name} is damaged: layer {leaf.name!r} asks for more numbers than the file holds"
                )
        made = layer(tensor)
        if leaf.path not in self.layers:
            self.layers[leaf.path] = layer
            self.wanted[leaf.path] = [Wanted(leaf, weight.name, tuple(weight.shape)) for weight in layer.weights]
        return self._activated(Flow(made, is_first and len(made.shape) == 4), config.get("activation"), leaf)

    def _activated(self, given: Flow, value: Any, leaf: Leaf) -> Flow:  # noqa: ANN401  # a JSON value
        if isinstance(value, dict) and value.get("class_name") in activations.LAYERS:
            return self._activation_layer(replace(leaf, kind=value["class_name"], config=value["config"]), [given])
        name = activations.LINEAR if value is None else activations.activation_name(value, leaf.name)
        if name == activations.LINEAR:
            return given
        made = activations.activation(name, self._file.keras_major, self._named(leaf.name, name))(given.tensor)
        return Flow(made, given.is_first, (name, given.tensor))

    def _activation(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        return self._activated(given[0], leaf.config.get("activation"), leaf)

    def _activation_layer(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        made = activations.activation_layer(leaf.kind, leaf.config, self._named(leaf.name))(given[0].tensor)
        if leaf.kind != "Softmax":
            return Flow(made, given[0].is_first)
        _check_axis(leaf.config.get("axis", -1), given[0])
        return Flow(made, given[0].is_first, (activations.SOFTMAX, given[0].tensor))

    def _joined(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        flows = alike(given)
        axis, rank = int(leaf.config.get("axis", -1)), len(flows[0].tensor.shape)
        if flows[0].is_first:
            axis = (0, 3, 1, 2)[axis % rank]
        made = keras.layers.Concatenate(axis=axis, name=self._named(leaf.name))([flow.tensor for flow in flows])
        return Flow(made, flows[0].is_first)

    def _flattened(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        # Keras itself flattens channels first as channels last, if it is told that they are.
        is_told = leaf.config.get("data_format") == "channels_first" and given[0].is_map
        tensor = given[0].tensor if is_told and given[0].is_first else given[0].as_stored().tensor
        if is_told and not given[0].is_first:
            tensor = channels_to_last(tensor)
        return Flow(keras.layers.Flatten(name=self._named(leaf.name))(tensor))

    def _reshaped(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        shape = tuple(int(side) for side in leaf.config["target_shape"])
        if math.prod(abs(side) for side in shape) > _LONGEST:
            raise ValueError(f"{shape} is too large")
        return Flow(keras.layers.Reshape(shape, name=self._named(leaf.name))(given[0].as_stored().tensor))

    def _permuted(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        dims = tuple(int(axis) for axis in leaf.config["dims"])
        return Flow(keras.layers.Permute(dims, name=self._named(leaf.name))(given[0].as_stored().tensor))

    def _normalized(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        """Take off a mean and divide by a deviation, which the settings or the weights hold."""
        config, channels = leaf.config, int(given[0].tensor.shape[-1])
        if config.get("invert") or given[0].is_first:
            raise ValueError("a Normalization that is inverted, or of channels first, is not supported")
        mean, variance = config.get("mean"), config.get("variance")
        if mean is None:
            mean, variance = self._adapted(leaf)
        mean, variance = (np.broadcast_to(numbers(value).reshape(-1), (channels,)) for value in (mean, variance))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        return Flow(keras.layers.Rescaling(scale, -mean * scale, name=self._named(leaf.name))(given[0].tensor))

    def _adapted(self, leaf: Leaf) -> tuple[Array, Array]:
        """Return the mean and variance that the weights hold."""
        arrays = self._file.tree.arrays
        if f"{leaf.store}/vars/1" in arrays:
            return arrays[f"{leaf.store}/vars/0"], arrays[f"{leaf.store}/vars/1"]
        found: dict[str, list[Array]] = {"mean": [], "variance": []}
        for path, array in arrays.items():
            *groups, name = path.split(":")[0].split("/")
            if name in found and leaf.name in groups:
                found[name].append(array)
        if any(len(candidates) != 1 for candidates in found.values()):
            raise ValueError("the file does not say which mean and variance it takes")
        return found["mean"][0], found["variance"][0]

    def _lambda(self, leaf: Leaf, given: Sequence[Flow]) -> Flow:
        scaling = known_function(leaf.config)
        if scaling is None or given[0].is_first:
            raise KerasFileError(
                f"{self._file.name}: layer {leaf.name!r} is a Lambda, Python code that is not run: if it only scales "
                f"pixels, give --leave-out {leaf.name}, and --preprocessing to say what it does"
            )
        return Flow(Arithmetic(lambda pixels: preprocess(pixels, scaling), self._named(leaf.name))(given[0].tensor))

    def _operation(self, leaf: Leaf, call: Call, given: Sequence[Flow]) -> Flow:
        is_of_keras_2 = leaf.kind in ("TFOpLambda", "SlicingOpLambda")
        name = str(leaf.config.get("function")) if is_of_keras_2 else leaf.kind
        tensors = [flow.as_stored().tensor for flow in given]
        if name in SOFTMAX or name in SIGMOID:
            activation = activations.SOFTMAX if name in SOFTMAX else activations.SIGMOID
            made = activations.activation(activation, 3, self._named(leaf.name))(tensors[0])
            return Flow(made, before=(activation, tensors[0]))
        function = operation(name, len(tensors), call.arguments, leaf.config)
        if function is None:
            raise KerasFileError(
                f"{self._file.name}: layer {leaf.name!r} is a {name[:60]}, which is not rebuilt: if it does nothing "
                f"when the model answers, give --leave-out {leaf.name}"
            )
        return Flow(Arithmetic(function, self._named(leaf.name))(*tensors))

    def _named(self, name: str, part: str = "") -> str:
        """Return a name that Keras takes and no other layer has.

        Args:
            name: The layer's.
            part: Of a part of it that is a layer here.
        """
        # No dot in a layer's own name: that of a part could not be told from it.
        plain = re.sub(r"[^A-Za-z0-9_\-]", "_", name).lstrip("_-") or "layer"
        plain += f".{part}" * bool(part)
        unique, number = plain, 1
        while unique in self._names:
            number += 1
            unique = f"{plain}_{number}"
        self._names.add(unique)
        return unique


def _check_axis(axis: Any, given: Flow) -> None:  # noqa: ANN401  # a JSON value
    """Refuse what works along another axis than the channels'."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = len(given.tensor.shape)
    if len(axes) != 1 or axes[0] not in ((1, 1 - rank) if given.is_first else (rank - 1, -1)):
        raise ValueError(f"it works along axis {axis}, which is not that of the channels")
