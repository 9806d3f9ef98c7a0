"""Keras network -> ONNX model under the model-file contract.

Conversion goes through a `tf.function` and tf2onnx, as Keras' own `model.export` does.
Casting, mean subtraction, temperature and softmax are inside the graph. What the
converter leaves behind (reordering before a Flatten, generated names, extra operator
sets) is made canonical, so the same network always gives the same bytes.
"""

import logging
import math
import re
from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper

import edge_infer
from edge_infer.model_file.metadata import METADATA_KEY, ModelMetadata
from edge_infer.runtime.session import INPUT_NAME, KNOWN_NAME, OUTPUT_NAME
from train.networks.known import KNOWN
from train.networks.network import LOGITS
from train.progress import track

OPSET = 17
IR_VERSION = 8  # the one opset 17 was released with, which old runtimes read too
_BATCH = 8

# What the inputs behind the first are.
ROLES = {"Conv": ("weight", "bias"), "MatMul": ("weight",), "Gemm": ("weight", "bias")}


def serving_function(network: keras.Model, temperature: float) -> tf.types.experimental.PolymorphicFunction:
    """Return the Keras side of the contract: uint8 pixels in, calibrated probabilities and, if any, `known` out.

    Args:
        network: RGB pixels 0–255 `[N, H, W, 3]` -> logits `[N, C]`, or logits and known `[N]` by name.
        temperature: Divides the logits before the softmax.
    """
    signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.uint8, name=INPUT_NAME)

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = network(image, training=False)
        if not isinstance(answer, dict):
            return {OUTPUT_NAME: tf.nn.softmax(answer / temperature)}
        return {OUTPUT_NAME: tf.nn.softmax(answer[LOGITS] / temperature), KNOWN_NAME: answer[KNOWN]}

    return tf.function(serve, input_signature=[signature])


def keras_answers(
    network: keras.Model, temperature: float, pictures: Sequence[npt.NDArray[np.uint8]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Return what Keras answers for pictures `uint8 [H, W, 3]`, as `serving_function` serves it, by output."""
    serve = serving_function(network, temperature)
    batches = [np.stack(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)]
    found = [serve(tf.constant(batch)) for batch in track(batches, "Asking Keras")]
    return {name: np.concatenate([answers[name].numpy() for answers in found]) for name in found[0]}


def convert(network: keras.Model, temperature: float) -> onnx.ModelProto:
    """Convert a network, as `serving_function` serves it.

    Returns:
        A model `image` uint8 `[N, H, W, 3]` -> `probabilities` float32 `[N, C]` and, if the network has it,
        `known` float32 `[N]`; without metadata.
    """
    serve = serving_function(network, temperature)
    logging.disable(logging.ERROR)  # its optimizer reports what `_optimized_again` makes good
    try:
        model, _ = tf2onnx.convert.from_function(serve, serve.input_signature, opset=OPSET)
        if sum(node.op_type == "Transpose" for node in model.graph.node) > 1:
            model = _optimized_again(model)
    finally:
        logging.disable(logging.NOTSET)
    graph = model.graph
    _flatten_channels_first(model)
    _drop_unused(graph)
    _sort(graph)
    _rename(graph, network.name)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    del graph.value_info[:]
    graph.name, graph.doc_string = "edge_infer", ""
    return standard_model(graph)


def standard_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Return a graph as the model of the contract: one operator set, a version old runtimes read."""
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="edge-infer",
        producer_version=edge_infer.__version__,
    )
    model.ir_version = IR_VERSION
    return model


def with_metadata(model: onnx.ModelProto, metadata: ModelMetadata) -> bytes:
    """Write the self-description into the model and return the file's bytes."""
    helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _optimized_again(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let tf2onnx's optimizer finish: it gives up where a number without axes is added, and leaves every Transpose."""
    for tensor in model.graph.initializer:
        readers = [node.op_type for node in model.graph.node if tensor.name in node.input]
        if not tensor.dims and all(kind in ("Add", "Sub", "Mul", "Div") for kind in readers):
            tensor.dims.append(1)  # broadcasts as before
    del model.graph.value_info[:]
    optimized: onnx.ModelProto = tf2onnx.graph.GraphUtil.optimize_model_proto(model)
    return optimized


def _flatten_channels_first(model: onnx.ModelProto) -> None:
    """Let Dense layers that read flattened maps read them in ONNX's own order instead of transposing them.

    Keras flattens `[h, w, c]`, ONNX's convolutions leave `[c, h, w]`. Permuting the rows
    of the Dense kernel is exact and free; the Transpose that it replaces is neither.
    """
    graph = model.graph
    made_by = {output: node for node in graph.node for output in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {
        value.name: value.type.tensor_type.shape for value in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    for number, dense in enumerate([node for node in graph.node if node.op_type == "MatMul"]):
        kernel, source, path = weights.get(dense.input[1]), dense.input[0], []
        while (node := made_by.get(source)) is not None and node.op_type in ("Reshape", "Transpose"):
            path.append(node)
            source = node.input[0]
        if kernel is None or not path or path[0].op_type != "Reshape" or source not in shapes:
            continue
        maps_chw = [axis.dim_value for axis in shapes[source].dim[1:]]
        if len(maps_chw) != 3 or math.prod(maps_chw) != kernel.dims[0]:
            continue
        if transposes := [node for node in path if node.op_type == "Transpose"]:
            if transposes != path[-1:] or list(transposes[0].attribute[0].ints) != [0, 2, 3, 1]:
                continue
            channels, height, width = maps_chw
            rows_hwc = numpy_helper.to_array(kernel).reshape(height, width, channels, -1)
            rows_chw = np.ascontiguousarray(rows_hwc.transpose(2, 0, 1, 3)).reshape(kernel.dims[0], -1)
            kernel.CopyFrom(numpy_helper.from_array(rows_chw, kernel.name))
        flattened = f"flattened_{number}"
        flatten = helper.make_node("Flatten", [source], [flattened], name="flatten/Flatten", axis=1)
        # What led to the Dense layer is left dangling, for `_drop_unused`.
        graph.node.insert(list(graph.node).index(dense), flatten)
        dense.input[0] = flattened


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and weights that no output depends on."""
    needed = {value.name for value in graph.output}
    for node in reversed(graph.node):  # tf2onnx sorts nodes topologically
        if needed.intersection(node.output):
            needed.update(node.input)
    nodes = [node for node in graph.node if needed.intersection(node.output)]
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)


def _sort(graph: onnx.GraphProto) -> None:
    """Put nodes and constants in the order in which the outputs, by name, come to need them.

    The converter leaves nodes that do not wait for each other in an order of their own, another each time.
    """
    made_by = {output: number for number, node in enumerate(graph.node) for output in node.output}
    order: dict[int, None] = {}
    pending = [(output.name, False) for output in sorted(graph.output, key=lambda output: output.name, reverse=True)]
    while pending:
        name, is_ready = pending.pop()
        number = made_by.get(name)
        if number is None or number in order:
            continue
        if is_ready:
            order[number] = None
        else:
            pending += [(name, True), *((source, False) for source in reversed(graph.node[number].input))]
    nodes = [graph.node[number] for number in order]
    place = {
        name: number for number, name in enumerate(dict.fromkeys(source for node in nodes for source in node.input))
    }
    constants = sorted(graph.initializer, key=lambda tensor: place[tensor.name])
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)


def _rename(graph: onnx.GraphProto, network_name: str) -> None:
    """Name everything after its layer, without the counters that Keras and tf2onnx add."""
    names = {name: name for name in (INPUT_NAME, OUTPUT_NAME, KNOWN_NAME)}
    taken: set[str] = set()
    for node in graph.node:
        node.name = _unique(_layer_path(node.name, network_name, node.op_type), taken)
        for output in node.output:
            names.setdefault(output, node.name)
        roles = dict(enumerate(ROLES.get(node.op_type, ()), start=1))
        for i, source in enumerate(node.input):
            names.setdefault(source, f"{node.name}.{roles.get(i, f'input_{i}')}")
    for node in graph.node:
        node.input[:] = [names[source] for source in node.input]
        node.output[:] = [names[output] for output in node.output]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]


def _layer_path(name: str, network_name: str, op_type: str) -> str:
    """`gems_1/vgg16_1/block1_conv1_1/convolution` -> `vgg16/block1_conv1/Conv`."""
    parts = [re.sub(r"_\d+$", "", part) for part in name.split("/")[:-1]]
    return "/".join([*(part for part in parts if part not in (network_name, "")), op_type])


def _unique(name: str, taken: set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    taken.add(unique)
    return unique
