"""Arithmetic between layers: what `x / 127.5 - 1` or `preprocess_input(x)` leaves in a saved model."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from train.imports.reading.layers import numbers
from train.imports.scaling import Scaling, scaling_constants

Function = Callable[..., keras.KerasTensor]

_BINARY: dict[str, Function] = {
    **dict.fromkeys(("Add", "math.add", "__operators__.add", "nn.bias_add"), ops.add),
    **dict.fromkeys(("Subtract", "math.subtract", "__operators__.subtract"), ops.subtract),
    **dict.fromkeys(("Multiply", "math.multiply", "__operators__.multiply"), ops.multiply),
    **dict.fromkeys(("TrueDivide", "Divide", "math.truediv", "math.divide", "__operators__.truediv"), ops.divide),
}
_UNARY: dict[str, Function] = {
    **dict.fromkeys(("Cast", "cast", "Identity", "identity"), lambda tensor: tensor),
    **dict.fromkeys(("Relu", "nn.relu"), ops.relu),
    **dict.fromkeys(("Relu6", "nn.relu6"), ops.relu6),
    **dict.fromkeys(("Silu", "nn.silu", "nn.swish"), ops.silu),
    **dict.fromkeys(("Tanh", "math.tanh", "nn.tanh"), ops.tanh),
}
SOFTMAX, SIGMOID = frozenset({"Softmax", "nn.softmax"}), frozenset({"Sigmoid", "nn.sigmoid", "math.sigmoid"})
_SLICES = frozenset({"GetItem", "__operators__.getitem"})


def preprocess(tensor: keras.KerasTensor, scaling: Scaling) -> keras.KerasTensor:
    """Do what that `preprocess_input` does to `[N, H, W, 3]`."""
    scale, offset = scaling_constants(scaling)
    if scaling == "caffe":
        return ops.add(ops.take(tensor, [2, 1, 0], axis=-1), numbers(offset[::-1]))
    return ops.add(ops.multiply(tensor, numbers(scale)), numbers(offset))


class Arithmetic(keras.layers.Layer):
    """A function of tensors as one layer, so that it has a name of its own.

    Args:
        function: Takes and returns tensors.
        name: The layer's name.
    """

    def __init__(self, function: Function, name: str) -> None:
        super().__init__(name=name, trainable=False)
        self._function = function

    def call(self, *tensors: keras.KerasTensor) -> keras.KerasTensor:
        """Apply the function."""
        return self._function(*tensors)


def operation(name: str, inputs: int, arguments: dict[str, Any], config: dict[str, Any]) -> Function | None:
    """Return an operation that is not a layer as a function of its tensors; None for one that is not rebuilt.

    Args:
        name: `math.truediv` as Keras 2 has it, or `TrueDivide` as Keras 3.
        inputs: How many tensors it is given.
        arguments: What else it is given.
        config: Its settings.

    Raises:
        ValueError: Its arguments are not what it takes.
    """
    if name in _BINARY:
        return _BINARY[name] if inputs == 2 else _with_constant(_BINARY[name], arguments)
    if name in _UNARY:
        return _UNARY[name]
    if name in _SLICES:
        return _slice(arguments.get("slice_spec", arguments.get("1")))
    if name == "Stack" and config.get("axis") == -1:
        return lambda *tensors: ops.stack(tensors, axis=-1)
    return None


def _with_constant(binary: Function, arguments: dict[str, Any]) -> Function:
    for key in ("0", "x", "x1"):  # the constant comes first: `1 - x`
        if key in arguments:
            first = numbers(arguments[key])
            return lambda tensor: binary(first, tensor)
    second = numbers(next(arguments[key] for key in ("1", "y", "bias", "x2") if key in arguments))
    return lambda tensor: binary(tensor, second)


def _slice(place: Any) -> Function:  # noqa: ANN401  # a JSON value
    """Take one channel, or all in reverse: `x[..., 0]`, `x[..., ::-1]`."""
    whole, last = place
    if not isinstance(whole, dict) or "__ellipsis__" not in str(whole.get("class_name")):
        raise ValueError("only channels can be sliced")
    if isinstance(last, int):
        return lambda tensor: tensor[..., last]
    step = last.get("config", last)
    match [step.get(key) for key in ("start", "stop", "step")]:
        case [None, None, -1]:
            return lambda tensor: ops.take(tensor, list(range(tensor.shape[-1]))[::-1], axis=-1)
        case [None, None, None | 1]:
            return lambda tensor: tensor
    raise ValueError("only channels can be sliced, one or all in reverse")
