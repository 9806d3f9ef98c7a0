"""Model files to damage: byte by byte, and field by field, which a runtime's own checks must catch."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_infer.model_file.metadata import METADATA_KEY
from edge_infer.model_file.operators import OPERATORS
from tests.fuzz.mutations import BOUNDARIES, mutate
from tests.support.tiny_model import COLOURS, METADATA, tiny_model

MAX_EDITS = 3


def make_model(rng: np.random.Generator) -> bytes:
    """Damage one of the seeds, every second time in a way that leaves it whole protobuf."""
    seeds = model_seeds()
    chosen = seeds[rng.integers(len(seeds))]
    if rng.integers(2):
        return mutate(chosen, seeds, rng)
    model = onnx.load_from_string(chosen)
    for _ in range(rng.integers(1, MAX_EDITS + 1)):
        EDITS[rng.integers(len(EDITS))](model, rng)
    return model.SerializeToString()


@cache
def model_seeds() -> list[bytes]:
    """The tiny model, and a network of the operators that exported classifiers have."""
    return [tiny_model().SerializeToString(), _convolution().SerializeToString()]


def _convolution() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.integers(-40, 40, (8, 3, 3, 3)).astype(np.int8),
        "kernel_scale": np.full(8, 0.01, np.float32),
        "kernel_zero": np.zeros(8, np.int8),
        "scale": np.float32(1.0),
        "zero": np.uint8(0),
        "bias": np.zeros(8, np.float32),
        "dense": rng.normal(size=(8, len(COLOURS))).astype(np.float32),
        "shape": np.array([0, -1]),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["nhwc"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["nhwc"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("QuantizeLinear", ["nchw", "scale", "zero"], ["quantized"]),
        helper.make_node("DequantizeLinear", ["quantized", "scale", "zero"], ["pixels"]),
        helper.make_node("DequantizeLinear", ["kernel", "kernel_scale", "kernel_zero"], ["weights"], axis=0),
        helper.make_node("Conv", ["pixels", "weights", "bias"], ["maps"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["maps"], ["active"]),
        helper.make_node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pooled"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 32, 32, 3])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(COLOURS)])]
    tensors = [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "convolution", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: METADATA.to_json()})
    return model


def _any_of(items: Any, rng: np.random.Generator) -> Any:
    return items[rng.integers(len(items))]


def _number(rng: np.random.Generator) -> int:
    return int(rng.integers(-3, 9)) if rng.integers(2) else int(_any_of(BOUNDARIES, rng))


def _change_operator(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    _any_of(model.graph.node, rng).op_type = _any_of(sorted(OPERATORS), rng)


def _rewire(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    names = [name for node in model.graph.node for name in (*node.input, *node.output)] + [""]
    node = _any_of(model.graph.node, rng)
    ends = node.input if rng.integers(4) else node.output
    if rng.integers(4) and ends:
        ends[rng.integers(len(ends))] = _any_of(names, rng)
    else:
        ends.append(_any_of(names, rng))


def _drop(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    items = _any_of([model.graph.node, model.graph.initializer], rng)
    if len(items) > 1:
        del items[rng.integers(len(items))]


def _change_attribute(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    node = _any_of(model.graph.node, rng)
    if node.attribute and rng.integers(4):
        attribute = _any_of(node.attribute, rng)
        attribute.i = _number(rng)
        if attribute.ints:
            attribute.ints[rng.integers(len(attribute.ints))] = _number(rng)
    else:
        name = _any_of(["axis", "axes", "group", "dilations", "strides", "pads", "blocksize", "auto_pad"], rng)
        node.attribute.append(helper.make_attribute(name, _number(rng) if rng.integers(2) else [_number(rng)] * 4))


def _change_tensor(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    if not model.graph.initializer:
        return
    tensor = _any_of(model.graph.initializer, rng)
    match rng.integers(4):
        case 0 if tensor.dims:
            tensor.dims[rng.integers(len(tensor.dims))] = _number(rng)
        case 1:
            tensor.data_type = int(rng.integers(0, 24))
        case 2:
            tensor.raw_data = rng.bytes(len(tensor.raw_data) + int(rng.integers(-2, 3)) * int(rng.integers(2)))
        case _:
            tensor.dims.append(_number(rng))


def _change_end(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    end = _any_of([model.graph.input[0], model.graph.output[0]], rng).type.tensor_type
    if rng.integers(2):
        end.elem_type = int(rng.integers(0, 24))
    elif end.shape.dim:
        end.shape.dim[rng.integers(len(end.shape.dim))].dim_value = _number(rng)


def _change_version(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    if rng.integers(2):
        model.ir_version = abs(_number(rng))
    else:
        model.opset_import[0].version = int(rng.integers(0, 40))


EDITS: tuple[Callable[[onnx.ModelProto, np.random.Generator], None], ...] = (
    *(_change_operator, _rewire, _drop, _change_attribute, _change_attribute),
    *(_change_tensor, _change_tensor, _change_end, _change_version),
)
