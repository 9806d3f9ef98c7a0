"""A classifier's fp32 graph -> int8: which layers, and the pixels without a detour through float.

Convolutions and hidden Dense layers are quantized. The last layer and what prepares its input stay
in float: they cost no time, and their error would go straight into the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import numpy_helper

from edge_infer.model_file.metadata import WeightBits
from edge_infer.runtime.session import INPUT_NAME, OUTPUT_NAME
from export.conversion.parity import Pixels
from export.conversion.parts import Values, cut_before, run_part
from export.conversion.quantize import WEIGHT_BITS, prepare, quantize
from train.progress import track

HEAVY = ("Conv", "MatMul", "Gemm")
OPERATORS = (*HEAVY, "Relu", "MaxPool", "Flatten")
MAX_LAYER_ERROR = 0.01  # mean change of a probability when a layer alone is quantized
PROBE_PICTURES = 16


@dataclass(frozen=True, slots=True)
class Quantized:
    """An int8 model and why it is as it is.

    Attributes:
        model: Without metadata.
        layer_errors: Mean absolute change of a probability when one layer alone is int8, by layer.
        kept_float: The layers that were left in float for it.
    """

    model: onnx.ModelProto
    layer_errors: dict[str, float]
    kept_float: tuple[str, ...]


def quantize_classifier(
    model: onnx.ModelProto, calibration: Sequence[Pixels], weight_bits: WeightBits = WEIGHT_BITS
) -> Quantized:
    """Quantize a converted classifier.

    Each layer is first quantized alone, to see what it changes; one that changes too much stays in float.

    Args:
        model: From `export.conversion.convert.convert`.
        calibration: Training pictures, `uint8 [1, H, W, 3]` each.
        weight_bits: As in `quantize`.
    """
    prepared = prepare(model)
    heavy = [node.name for node in prepared.graph.node if node.op_type in HEAVY]  # in the order they are computed
    last = {node.name for node in last_layers(prepared.graph)}
    layers = [name for name in heavy if name not in last]
    scales = pixel_scales(prepared.graph)
    probes = np.concatenate(calibration[:PROBE_PICTURES])
    quantize_layers = partial(quantize, prepared, operators=OPERATORS, scales=scales, weight_bits=weight_bits)
    known: Values = {INPUT_NAME: probes}
    expected = run_part(prepared, known, [OUTPUT_NAME], None)[OUTPUT_NAME]
    errors = {}
    with TemporaryDirectory() as folder:
        ranges = Path(folder) / "ranges.json"
        for layer in track(layers, "Quantizing each layer alone"):
            others = [name for name in heavy if name != layer]
            alone = quantize_layers(calibration, others, ranges=ranges)
            # What leads to the layer is as it was, and most layers follow the one before.
            known = {INPUT_NAME: probes, **run_part(prepared, known, cut_before(prepared.graph, layer), None)}
            actual = run_part(alone, known, [OUTPUT_NAME], weight_bits)[OUTPUT_NAME]
            errors[layer] = float(np.abs(actual - expected).mean())
        kept = tuple(layer for layer in layers if errors[layer] > MAX_LAYER_ERROR)
        return Quantized(_quantized(prepared, calibration, kept, weight_bits, ranges), errors, kept)


def quantize_untested(model: onnx.ModelProto, calibration: Sequence[Pixels]) -> onnx.ModelProto:
    """Quantize all layers but the last without a look at what that changes: to see how fast it is."""
    return _quantized(prepare(model), calibration, (), WEIGHT_BITS)


def _quantized(
    prepared: onnx.ModelProto,
    calibration: Sequence[Pixels],
    kept: Sequence[str],
    weight_bits: WeightBits,
    ranges: Path | None = None,
) -> onnx.ModelProto:
    scales, last = pixel_scales(prepared.graph), [node.name for node in last_layers(prepared.graph)]
    quantized = quantize(
        prepared,
        calibration,
        [*kept, *last],
        operators=OPERATORS,
        scales=scales,
        weight_bits=weight_bits,
        ranges=ranges,
    )
    for name in scales:
        feed_pixels(quantized.graph, name)
    return quantized


def last_layers(graph: onnx.GraphProto, outputs: Sequence[str] = ()) -> list[onnx.NodeProto]:
    """Return the layers whose output no other layer reads on its way to the answer: their logits are the answer's.

    Args:
        graph: A classifier's.
        outputs: Names of the graph's outputs to look at; by default all.
    """
    made_by = {output: node for node in graph.node for output in node.output}
    found, pending = [], list(outputs or [output.name for output in graph.output])
    while pending:
        node = made_by.get(pending.pop())
        if node is None or node in found:
            continue
        if node.op_type in HEAVY:
            found.append(node)
        else:
            pending += node.input
    return found


def pixel_scales(graph: onnx.GraphProto) -> dict[str, tuple[float, int]]:
    """Return scale and zero point at which the first layer's input, quantized, is the picture's own bytes.

    Pixels less one whole number, or divided by one, are such an input. Pixels less a mean for each
    channel, as in a network that was not slimmed, are not.

    Returns:
        By the name of the first layer's input; empty where there are none.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    cast, scaling, transpose = _entrance(graph)
    if [cast.op_type, transpose.op_type] != ["Cast", "Transpose"] or scaling.op_type not in ("Sub", "Div", "Mul"):
        return {}
    value = constants.get(scaling.input[1])
    if value is None or value.size != 1:  # it is the pixels that are taken from a number, or a number for each channel
        return {}
    match scaling.op_type, float(value.reshape(())):
        case "Sub", taken if taken.is_integer() and 0 <= taken <= 255:
            return {transpose.output[0]: (1.0, int(taken))}
        case "Div", divisor if divisor > 0:
            return {transpose.output[0]: (1.0 / divisor, 0)}
        case "Mul", factor if factor > 0:
            return {transpose.output[0]: (factor, 0)}
    return {}


def feed_pixels(graph: onnx.GraphProto, first_input: str) -> None:
    """Let the first layer read the picture's bytes, without a detour through float.

    Args:
        graph: Quantized with `pixel_scales`, so that this changes nothing but the time: a tenth of
            a slim network's.
        first_input: The first layer's input in float.
    """
    cast, scaling, transpose = _entrance(graph)
    quantize_node = next(node for node in graph.node if first_input in node.input)
    if quantize_node.op_type != "QuantizeLinear":  # the first layer stayed in float
        return
    dequantize_node = next(node for node in graph.node if quantize_node.output[0] in node.input)
    transpose.input[0] = INPUT_NAME
    dequantize_node.input[0] = transpose.output[0]
    for node in (cast, scaling, quantize_node):
        graph.node.remove(node)
    read = {source for node in graph.node for source in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _entrance(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the first three nodes that the picture goes through."""
    nodes, name = [], INPUT_NAME
    for _ in range(3):
        nodes.append(next(node for node in graph.node if name in node.input))
        name = nodes[-1].output[0]
    return nodes
