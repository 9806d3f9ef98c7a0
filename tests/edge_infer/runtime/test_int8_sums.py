"""Sums of int8 products are exact on the CPU at hand, also where all of them are as large as they can be.

Only a CPU without VNNI can fail: it adds two products in 16 bits.
"""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_infer.model_file.metadata import WeightBits
from edge_infer.runtime.session import CPU_PROVIDER, session_options

INPUTS, OUTPUTS, ROWS = 64, 32, 50
LARGEST: dict[WeightBits, int] = {7: 64, 8: 127}


def quantized_product(operator: str, weights: np.ndarray, step: float) -> onnx.ModelProto:
    """Build `x` uint8 -> Conv or MatMul with int8 `weights` -> uint8, of scale `step` around 128."""
    constants = {
        "one": np.float32(1),
        "zero": np.uint8(0),
        "ones": np.ones(OUTPUTS, np.float32),
        "zeros": np.zeros(OUTPUTS, np.int8),
        "step": np.float32(step),
        "middle": np.uint8(128),
    }
    if operator == "Conv":
        constants["weights"], axis, place = weights.T[..., np.newaxis, np.newaxis], 0, [1, 1]
    else:
        constants["weights"], axis, place = weights, 1, []
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "one", "zero"], ["floats"]),
        helper.make_node("DequantizeLinear", ["weights", "ones", "zeros"], ["kernel"], axis=axis),
        helper.make_node(operator, ["floats", "kernel"], ["sums"]),
        helper.make_node("QuantizeLinear", ["sums", "step", "middle"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [ROWS, INPUTS, *place])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [ROWS, OUTPUTS, *place])],
        [numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


@pytest.mark.parametrize("operator", ["Conv", "MatMul"])
@pytest.mark.parametrize("weight_bits", [7, 8])
def test_the_largest_products_are_summed_exactly(operator: str, weight_bits: WeightBits) -> None:
    rng = np.random.default_rng(0)
    largest = LARGEST[weight_bits]
    weights = rng.integers(-largest, largest + 1, (INPUTS, OUTPUTS)).astype(np.int8)
    weights[:, 0], weights[:, 1] = largest, -largest
    pixels = rng.integers(0, 256, (ROWS, INPUTS)).astype(np.uint8)
    pixels[0], pixels[1] = 255, 0

    step = 255 * largest * INPUTS / 127  # the largest sum of all becomes 255, the smallest 1
    expected = np.clip(np.rint(pixels.astype(int) @ weights.astype(int) / step) + 128, 0, 255)
    assert (expected[0, :2].tolist(), expected[1, 0]) == ([255, 1], 128)
    model = quantized_product(operator, weights, step)
    session = ort.InferenceSession(model.SerializeToString(), session_options(weight_bits), providers=[CPU_PROVIDER])
    x = pixels if operator == "MatMul" else pixels[..., np.newaxis, np.newaxis]
    (found,) = session.run(None, {"x": x})
    np.testing.assert_allclose(found.reshape(ROWS, OUTPUTS), expected, atol=1)  # of a half, float32 may be a hair off


def test_two_products_fit_into_16_bits_with_weights_of_7_bits_only() -> None:
    pair = np.array([2 * 255 * largest for largest in LARGEST.values()])
    assert (pair <= np.iinfo(np.int16).max).tolist() == [True, False]
    assert (-pair >= np.iinfo(np.int16).min).tolist() == [True, False]
