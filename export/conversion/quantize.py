"""fp32 ONNX -> int8 ONNX: static quantization in QDQ form, weights per channel.

Weights become int8, activations uint8 (onnxruntime.quantization's U8S8), whose ranges are the smallest and
largest values seen on calibration pictures. Weights use 7 of their 8 bits: x86 without VNNI sums two products
in 16 bits, and 2 * 255 * 64 fits into them where 2 * 255 * 127 does not.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.operators.direct_q8 import QDQDirect8BitOp
from onnxruntime.quantization.registry import QDQRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge_infer.model_file.metadata import WeightBits
from edge_infer.runtime.session import INPUT_NAME
from export.conversion.convert import standard_model
from export.conversion.parity import Pixels
from export.errors import GraphError

WEIGHT_BITS: Final = 7  # of what is exported
LARGEST_WEIGHT = {7: 64, 8: 127}

# It only moves values, and onnxruntime does that in uint8; its quantizer does not know.
QDQRegistry.setdefault("DepthToSpace", QDQDirect8BitOp)


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fuse what onnxruntime would fuse before it quantizes: the graph whose nodes `quantize` knows by name.

    Args:
        model: fp32. Fusing renames nodes: since onnxruntime 1.31 a MatMul with its Add becomes a Gemm of another name.
    """
    with TemporaryDirectory() as folder:
        fp32, prepared = Path(folder) / "fp32.onnx", Path(folder) / "prepared.onnx"
        fp32.write_bytes(model.SerializeToString())
        quant_pre_process(fp32, prepared, skip_symbolic_shape=True)
        return onnx.load(prepared)


def quantize(
    prepared: onnx.ModelProto,
    calibration: Sequence[Pixels],
    keep_float: Sequence[str] = (),
    *,
    operators: Sequence[str] | None = None,
    weight_bits: WeightBits = WEIGHT_BITS,
    scales: Mapping[str, tuple[float, int]] = MappingProxyType({}),
    ranges: Path | None = None,
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        prepared: From `prepare`; input `image` uint8 `[N, H, W, 3]`.
        calibration: Batches for that input.
        keep_float: Names of nodes of `prepared` that stay in float.
        operators: Operators to quantize; None for all that onnxruntime can.
        weight_bits: Of the int8 weights; 8 only to see what the eighth is worth.
        scales: Scale and zero point of values whose range is known beforehand, by name.
        ranges: File that keeps what `calibration` showed, for more calls with the same `prepared`, `calibration` and
            `operators`; written if it is not there.

    Returns:
        The int8 model, without metadata.

    Raises:
        GraphError: A node that was to stay in float did not, or a weight needs more bits.
    """
    names = {node.name for node in prepared.graph.node}
    if unknown := [name for name in keep_float if name not in names]:
        raise GraphError(f"node {unknown[0]} was to stay in float, but the prepared graph has none of that name")
    with TemporaryDirectory() as folder:
        fp32, int8 = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        fp32.write_bytes(prepared.SerializeToString())
        logging.disable(logging.WARNING)  # it recommends the step that was just made
        try:
            quantize_static(
                fp32,
                int8,
                _Batches(calibration),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=weight_bits == 7,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                nodes_to_exclude=list(keep_float),
                op_types_to_quantize=None if operators is None else list(operators),
                extra_options={
                    "TensorQuantOverrides": {
                        name: [{"scale": np.array(scale, np.float32), "zero_point": np.array(zero_point, np.uint8)}]
                        for name, (scale, zero_point) in scales.items()
                    }
                },
                calibration_cache_path=ranges,
            )
        finally:
            logging.disable(logging.NOTSET)
        graph = onnx.load(int8).graph
        del graph.value_info[:]
    if quantized := [node.name for node in graph.node if node.name in set(keep_float) and not is_float(graph, node)]:
        raise GraphError(f"node {quantized[0]} was to stay in float, but its weights are int8")
    check_weights(graph, weight_bits)
    return standard_model(graph)  # the quantizer adds operator sets that nothing uses


def check_weights(graph: onnx.GraphProto, weight_bits: WeightBits) -> None:
    """Check that every int8 weight lies in the range of its bits: the runtime omits exact sums because of it.

    Raises:
        GraphError: One does not.
    """
    allowed = LARGEST_WEIGHT[weight_bits]
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.INT8:
            continue
        largest = int(np.abs(numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0))
        if largest > allowed:
            raise GraphError(f"weights {tensor.name} reach {largest}, but those of {weight_bits} bits end at {allowed}")


def is_float(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    """Return whether a node's weights, its second input, are not quantized."""
    return not any(node.input[1] in other.output and other.op_type == "DequantizeLinear" for other in graph.node)


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Sequence[Pixels]) -> None:
        self._batches: Iterator[Pixels] = iter(batches)

    def get_next(self) -> dict[str, Pixels] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: batch}
