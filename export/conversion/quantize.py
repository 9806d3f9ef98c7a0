"""fp32 ONNX -> int8 ONNX: static quantization in QDQ form, weights per channel.

Weights become int8, activations uint8 (onnxruntime.quantization's U8S8); their ranges
are the smallest and largest values seen on calibration pictures.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.operators.direct_q8 import QDQDirect8BitOp
from onnxruntime.quantization.registry import QDQRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge_infer.runtime.session import INPUT_NAME
from export.conversion.convert import standard_model
from export.conversion.parity import Pixels
from export.errors import GraphError

# It only moves values, and onnxruntime does that in uint8; its quantizer does not know.
QDQRegistry.setdefault("DepthToSpace", QDQDirect8BitOp)


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fuse what onnxruntime would fuse before it quantizes: the graph whose nodes `quantize` knows by name.

    Args:
        model: fp32. Fusing renames nodes: a MatMul with its Add becomes a Gemm of another name.
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
    scales: Mapping[str, tuple[float, int]] = MappingProxyType({}),
    reduce_range: bool = False,
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        prepared: From `prepare`; input `image` uint8 `[N, H, W, 3]`.
        calibration: Batches for that input.
        keep_float: Names of nodes of `prepared` that stay in float.
        operators: Operators to quantize; None for all that onnxruntime can.
        scales: Scale and zero point of values whose range is known beforehand, by name.
        reduce_range: Weights of 7 bits, whose products cannot overflow 16 bits in the kernels for CPUs without
            VNNI.

    Returns:
        The int8 model, without metadata.

    Raises:
        GraphError: A node that was to stay in float did not.
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
                reduce_range=reduce_range,
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
            )
        finally:
            logging.disable(logging.NOTSET)
        graph = onnx.load(int8).graph
        del graph.value_info[:]
    if quantized := [node.name for node in graph.node if node.name in set(keep_float) and not is_float(graph, node)]:
        raise GraphError(f"node {quantized[0]} was to stay in float, but its weights are int8")
    return standard_model(graph)  # the quantizer adds operator sets that nothing uses


def is_float(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    """Return whether a node's weights, its second input, are not quantized."""
    return not any(node.input[1] in other.output and other.op_type == "DequantizeLinear" for other in graph.node)


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Sequence[Pixels]) -> None:
        self._batches: Iterator[Pixels] = iter(batches)

    def get_next(self) -> dict[str, Pixels] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: batch}
