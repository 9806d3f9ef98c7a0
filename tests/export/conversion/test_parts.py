"""A part of a graph gives what the whole gives, from the values before it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.conversion.parts import cut_before, run_part

PICTURES = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)


@pytest.fixture
def model() -> onnx.ModelProto:
    """image -> a -> b -> the sum of b and a side path that reads a."""
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["pixels"], name="cast", to=TensorProto.FLOAT),
        node("Mul", ["pixels", "two"], ["a"], name="first"),
        node("Mul", ["a", "three"], ["b"], name="second"),
        node("Neg", ["a"], ["side"], name="side"),
        node("Add", ["b", "side"], ["sum"], name="join"),
        node("Clip", ["sum", "", "top"], ["out"], name="clip"),
    ]
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        for name, value in {"two": 2.0, "three": 3.0, "top": 80.0}.items()
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 2, 2, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 2, 2, 3])
    return helper.make_model(helper.make_graph(nodes, "small", [image], [out], weights))


@pytest.mark.parametrize(
    ("node", "read"),
    [("cast", ["image"]), ("first", ["pixels"]), ("second", ["a"]), ("join", ["b", "side"]), ("clip", ["sum"])],
)
def test_what_a_node_reads_decides_the_rest(model: onnx.ModelProto, node: str, read: list[str]) -> None:
    assert cut_before(model.graph, node) == read
    known = run_part(model, {"image": PICTURES}, read, None)
    assert list(known) == read
    expected = np.minimum(4.0 * PICTURES, 80)
    assert run_part(model, known, ["out"], None)["out"].tolist() == expected.tolist()


def test_what_is_known_is_not_computed_again(model: onnx.ModelProto) -> None:
    other = np.full(PICTURES.shape, 7, np.float32)
    found = run_part(model, {"image": PICTURES, "a": other}, ["b", "a"], None)
    assert (found["b"] == 21).all()
    assert found["a"] is other
