"""Make a small classifier with the head of our recipes: two depths of convolutions, pooled, root-normalized, Dense.

Its graph has the nodes that `export` writes, without training or TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_infer.model_file.metadata import METADATA_KEY, ClassifierMetadata, InputSpec

LABELS = ("amber", "beryl", "coral")
METADATA = ClassifierMetadata(
    name="small",
    task="small",
    version="1.0.0",
    labels=LABELS,
    input=InputSpec(height=32, width=32),
    min_score=0.5,
    temperature=0.5,
    licence="MIT",
)

HeadKind = Literal["average", "energy", "grid", "uneven grid", "plain average", "flatten"]


@dataclass
class _Graph:
    """Nodes and constants as they are added; every node makes one value, of its own name."""

    rng: np.random.Generator
    is_int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def constant(self, name: str, values: object, dtype: type = np.float32) -> str:
        self.weights[name] = np.asarray(values, dtype)
        return name

    def add(self, operator: str, inputs: list[str], name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def axes(self, *axes: int) -> str:
        return self.constant(f"axes{'_'.join(map(str, axes))}", axes, np.int64)

    def convolution(self, source: str, name: str, channels: int, before: int) -> str:
        kernel = self.constant(f"{name}.weight", self.rng.normal(0, 0.3, (channels, before, 3, 3)))
        bias = self.constant(f"{name}.bias", self.rng.normal(0, 0.1, channels))
        conv = self.add("Conv", [source, kernel, bias], f"{name}/Conv", pads=[1] * 4)
        relu = self.add("Relu", [conv], f"{name}/Relu")
        if not self.is_int8:
            return relu
        grid = [self.constant(f"{name}.scale", 0.02), self.constant(f"{name}.zero", 0, np.uint8)]
        quantized = self.add("QuantizeLinear", [relu, *grid], f"{name}/Q")
        return self.add("DequantizeLinear", [quantized, *grid], f"{name}/DQ")

    def energy_pooled(self, maps: str, name: str, side: int) -> str:
        """As `train.networks.pooling.EnergyPooling` is exported."""
        least = self.constant("least", 1e-12)
        energy = self.add("ReduceSum", [maps, self.axes(1)], f"{name}/energy", keepdims=1)
        largest = self.add("Max", [self.add("GlobalMaxPool", [energy], f"{name}/peak"), least], f"{name}/Max")
        share = self.add("Div", [energy, largest], f"{name}/Div")
        squared = self.add("Max", [self.add("Mul", [share, share], f"{name}/square"), least], f"{name}/Max_2")
        near = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (0.3 * side)) ** 2)
        centre = self.constant(f"centre_{side}", np.outer(near, near)[None, None])
        weights = self.add("Mul", [squared, centre], f"{name}/weights")
        weighted = self.add("Mul", [maps, weights], f"{name}/weighted")
        total = self.add("ReduceSum", [weighted, self.axes(2, 3)], f"{name}/total", keepdims=0)
        mass = self.add("ReduceSum", [weights, self.axes(2, 3)], f"{name}/mass", keepdims=0)
        return self.add("Div", [total, mass], f"{name}/pooled")

    def averaged(self, maps: str, name: str) -> str:
        return self.add(
            "Squeeze", [self.add("GlobalAveragePool", [maps], f"{name}/GAP"), self.axes(2, 3)], f"{name}/flat"
        )

    def normalized(self, pooled: str, name: str) -> str:
        roots = self.add(
            "Sqrt", [self.add("Max", [pooled, self.constant("least", 1e-12)], f"{name}/Max")], f"{name}/root"
        )
        squares = self.add("Mul", [roots, roots], f"{name}/squares")
        length = self.add(
            "Sqrt", [self.add("ReduceSum", [squares, self.axes(1)], f"{name}/sum", keepdims=1)], f"{name}/length"
        )
        return self.add("Div", [roots, length], f"{name}/Div")

    def dense(self, features: str, name: str, shape: tuple[int, int], size: float) -> str:
        kernel = self.constant(f"{name}.weight", self.rng.normal(0, size, shape))
        bias = self.constant(f"{name}.bias", self.rng.normal(0, 0.2, shape[1]))
        if self.is_int8:
            return self.add("Gemm", [features, kernel, bias], f"{name}/Gemm")
        return self.add("Add", [self.add("MatMul", [features, kernel], f"{name}/MatMul"), bias], f"{name}/Add")

    def known(self, u: str, classes: int, scale: float) -> None:
        """As `train.networks.known.Known` is exported."""

        def columns(start: int, stop: int, name: str) -> str:
            limits = [self.constant(f"{name}.{end}", [at], np.int64) for end, at in (("start", start), ("stop", stop))]
            return self.add("Slice", [u, *limits, self.axes(1)], name)

        of_classes = columns(0, classes, "known/classes")
        largest = self.add("ReduceMax", [of_classes], "known/largest", axes=[1], keepdims=1)
        raised = self.add("Exp", [self.add("Sub", [of_classes, largest], "known/Sub")], "known/Exp")
        log = self.add("Log", [self.add("ReduceSum", [raised, self.axes(1)], "known/sum", keepdims=0)], "known/Log")
        flat = self.add("Squeeze", [largest, self.axes(1)], "known/flat")
        energy = self.add("Add", [flat, log], "known/energy")
        none = self.add("Squeeze", [columns(classes, classes + 1, "known/none"), self.axes(1)], "known/none_flat")
        above = self.add("Sub", [energy, none], "known/above")
        scaled = self.add("Mul", [self.constant("known.scale", scale), above], "known/scaled")
        familiar = self.add(
            "Squeeze", [columns(classes + 1, classes + 2, "known/familiar"), self.axes(1)], "known/familiar_flat"
        )
        factors = [self.add("Sigmoid", [value], f"{value}/Sigmoid") for value in (scaled, familiar)]
        self.add("Mul", factors, "known")


def pooled_model(
    kind: HeadKind = "energy", metadata: ClassifierMetadata = METADATA, *, is_int8: bool = False
) -> onnx.ModelProto:
    """Build the model.

    Args:
        kind: How the head reads the maps; `flatten` and `uneven grid`, which leaves cells out, cannot be divided.
        metadata: With a `min_known` it has an output `known`.
        is_int8: Round the maps as int8 files do, and have Gemm instead of MatMul and Add.
    """
    graph = _Graph(np.random.default_rng(0), is_int8)
    classes, side = len(metadata.labels), metadata.input.height
    pixels = graph.add("Cast", ["image"], "pixels", to=TensorProto.FLOAT)
    scaled = graph.add("Div", [pixels, graph.constant("white", 255)], "scaled")
    picture = graph.add("Transpose", [scaled], "picture", perm=[0, 3, 1, 2])
    smaller = graph.add("MaxPool", [picture], "smaller", kernel_shape=[2, 2], strides=[2, 2])
    first = graph.convolution(smaller, "first", 6, 3)
    second = graph.convolution(
        graph.add("MaxPool", [first], "first_pool", kernel_shape=[2, 2], strides=[2, 2]), "second", 8, 6
    )
    match kind:
        case "energy":
            shrunk = graph.add("AveragePool", [first], "shrunk", kernel_shape=[2, 2], strides=[2, 2])
            pooled = [graph.energy_pooled(maps, f"energy_{i}", side // 4) for i, maps in enumerate((shrunk, second))]
        case "grid" | "uneven grid":
            block = [4, 4] if kind == "grid" else [3, 3]
            parts = graph.add("AveragePool", [second], "parts", kernel_shape=block, strides=block)
            shape = graph.constant("flat", [-1, 8 * 4], np.int64)
            pooled = [graph.averaged(first, "average_0"), graph.add("Reshape", [parts, shape], "parts_flat")]
        case "flatten":
            pooled = [graph.add("Flatten", [second], "flattened")]
        case _:
            pooled = [graph.averaged(maps, f"average_{i}") for i, maps in enumerate((first, second))]
    width = {"grid": 6 + 32, "uneven grid": 6 + 32, "flatten": 8 * (side // 4) ** 2}.get(kind, 14)
    if kind in ("flatten", "plain average"):
        features = pooled[0] if len(pooled) == 1 else graph.add("Concat", pooled, "features", axis=1)
    else:
        normalized = [graph.normalized(part, f"normalize_{i}") for i, part in enumerate(pooled)]
        features = graph.add("Concat", normalized, "features", axis=1)
    logits = graph.dense(features, "logits", (width, classes), 0.2 if kind == "flatten" else 3)
    tempered = graph.add("Mul", [logits, graph.constant("temperature", 1 / metadata.temperature)], "tempered")
    graph.add("Softmax", [tempered], "probabilities", axis=-1)
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])]
    if metadata.min_known is not None:
        scene = [graph.normalized(graph.averaged(maps, f"scene_{maps}"), f"n_{maps}") for maps in (first, second)]
        joined = graph.add("Concat", [features, *scene], "object_and_scene", axis=1)
        graph.known(graph.dense(joined, "known_logits", (width + 14, classes + 2), 2), classes, 1.5)
        outputs.append(helper.make_tensor_value_info("known", TensorProto.FLOAT, ["N"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "small",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", side, side, 3])],
            outputs,
            [numpy_helper.from_array(values, name) for name, values in graph.weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        producer_name="edge-infer",
    )
    model.ir_version = 8
    helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    return model


def write_pooled_model(path: Path, kind: HeadKind = "energy", *, is_int8: bool = False, **changes: object) -> Path:
    """Write the model, with some metadata fields changed, and return the path."""
    path.write_bytes(pooled_model(kind, replace(METADATA, **changes), is_int8=is_int8).SerializeToString())
    return path


def coloured_pictures(count: int = 4) -> Iterator[np.ndarray]:
    """Yield pictures `uint8 [48, 64, 3]` of a coloured square on grain, each another."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        picture = rng.integers(60, 120, (48, 64, 3)).astype(np.uint8)
        top, left = rng.integers(0, 30, 2)
        picture[top : top + 16, left : left + 20] = rng.integers(0, 256, 3)
        yield picture
