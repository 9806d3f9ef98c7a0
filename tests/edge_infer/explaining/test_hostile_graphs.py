"""Graphs made to keep the search for a head busy for ever, or to break it, are refused or answered in time."""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_infer import Classifier
from edge_infer.errors import ModelError
from edge_infer.model_file.onnx_graph import read_graph
from tests.support.tiny_model import tiny_model

PICTURE = np.zeros((8, 8, 3), np.uint8)
SECONDS = 10.0


def before_softmax(*nodes: onnx.NodeProto, reads: str) -> bytes:
    """Put nodes before the answer, which reads one of their values instead of its own."""
    model = tiny_model()
    (softmax,) = [node for node in model.graph.node if node.op_type == "Softmax"]
    softmax.input[0] = reads
    kept = [node for node in model.graph.node if node is not softmax]
    answer = onnx.NodeProto.FromString(softmax.SerializeToString())
    del model.graph.node[:]
    model.graph.node.extend([*(node for node in kept if node.op_type != "Softmax"), *nodes, answer])
    return model.SerializeToString()


def chain(operator: str, start: str, length: int) -> Sequence[onnx.NodeProto]:
    names = [start, *(f"link_{i}" for i in range(length))]
    return [helper.make_node(operator, [a], [b]) for a, b in itertools.pairwise(names)]


CASES: dict[str, Callable[[], bytes]] = {
    "a cycle": lambda: before_softmax(
        helper.make_node("Mul", ["b", "votes"], ["a"]), helper.make_node("Mul", ["a", "votes"], ["b"]), reads="a"
    ),
    "joined with itself again and again": lambda: before_softmax(
        *(helper.make_node("Concat", [f"j{i}"] * 2, [f"j{i + 1}"], axis=1) for i in range(40)),
        helper.make_node("MatMul", ["j40", "bias"], ["a"]),
        reads="a",
    ),
    "too few inputs": lambda: before_softmax(helper.make_node("Div", ["votes"], ["a"]), reads="a"),
    "a long chain of constants": lambda: before_softmax(
        *chain("Identity", "bias", 3000), helper.make_node("Add", ["votes", "link_2999"], ["a"]), reads="a"
    ),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_a_hostile_graph_is_refused_or_answered_in_time(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "hostile.onnx"
    path.write_bytes(make())
    started = time.process_time()
    try:
        method = Classifier(path, threads=1).method
    except ModelError:
        method = "refused"
    assert method in ("refused", "occlusion")
    assert time.process_time() - started < SECONDS


def test_constants_of_constants_are_found_in_one_pass() -> None:
    nodes = [
        node
        for i in range(40)
        for node in (
            helper.make_node("Cast", [f"s{i}"], [f"c{i}"], to=1),
            helper.make_node("DequantizeLinear", [f"c{i}", f"s{i}"], [f"s{i + 1}"]),
        )
    ]
    graph = helper.make_graph([*nodes, helper.make_node("Add", ["s40", "image"], ["sum"])], "constants", [], [])
    graph.initializer.append(helper.make_tensor("s0", 1, [1], [1.0]))
    found = read_graph(helper.make_model(graph).SerializeToString())
    assert found.is_constant("s40")
    assert not found.is_constant("sum")
    assert not found.is_constant("image")
