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
from export.convert import standard_model
from export.parity import Pixels

# It only moves values, and onnxruntime does that in uint8; its quantizer does not know.
QDQRegistry.setdefault("DepthToSpace", QDQDirect8BitOp)


def quantize(
    model: onnx.ModelProto,
    calibration: Sequence[Pixels],
    keep_float: Sequence[str] = (),
    *,
    operators: Sequence[str] | None = None,
    scales: Mapping[str, tuple[float, int]] = MappingProxyType({}),
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        model: fp32, input `image` uint8 `[N, H, W, 3]`.
        calibration: Batches for that input.
        keep_float: Names of nodes that stay in float.
        operators: Operators to quantize; None for all that onnxruntime can.
        scales: Scale and zero point of values whose range is known beforehand, by name.

    Returns:
        The int8 model, without metadata.
    """
    with TemporaryDirectory() as folder:
        fp32, prepared, int8 = (Path(folder) / name for name in ("fp32.onnx", "prepared.onnx", "int8.onnx"))
        fp32.write_bytes(model.SerializeToString())
        quant_pre_process(fp32, prepared, skip_symbolic_shape=True)
        logging.disable(logging.WARNING)  # it recommends the step that was just made
        try:
            quantize_static(
                prepared,
                int8,
                _Batches(calibration),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
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
        return standard_model(graph)  # the quantizer adds operator sets that nothing uses


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Sequence[Pixels]) -> None:
        self._batches: Iterator[Pixels] = iter(batches)

    def get_next(self) -> dict[str, Pixels] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: batch}
