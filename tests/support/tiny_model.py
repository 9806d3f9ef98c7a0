"""Make a tiny model file with the real contract: it says how much of a picture has which colour.

The whole runtime suite runs on it, without weights or training. As a script it writes
an example for `benchmarks.speed.soak`:

    python -m tests.support.tiny_model examples/colours.onnx
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_infer.model_file.metadata import METADATA_KEY, ClassifierMetadata, InputSpec
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.golden import golden_answers
from edge_infer.runtime.session import Session

COLOURS = {
    "black": (0, 0, 0),
    "blue": (40, 60, 200),
    "brown": (120, 75, 40),
    "green": (25, 115, 55),
    "grey": (185, 185, 185),
    "orange": (245, 140, 30),
    "pink": (245, 160, 190),
    "purple": (130, 50, 170),
    "red": (205, 30, 40),
    "white": (255, 255, 255),
    "yellow": (245, 225, 50),
}
GREYS = ("black", "grey", "white")
METADATA = ClassifierMetadata(
    name="colours",
    task="colours",
    version="1.0.0",
    labels=tuple(COLOURS),
    input=InputSpec(height=32, width=32),
    min_score=0.5,
    recipe="drawn by tests/support/tiny_model.py",
    architecture="nearest colour of each pixel, averaged",
    licence="MIT",
)
SOFTNESS = 500.0  # squared grey levels; larger makes votes less clear-cut


def tiny_model(metadata: ClassifierMetadata = METADATA, centres: np.ndarray | None = None) -> onnx.ModelProto:
    """Build a model: each pixel votes for the colour it is nearest to.

    Args:
        metadata: Its self-description; the input size and the number of labels shape the graph. With a
            `min_known` it has an output `known`: how much of the picture is neither black, grey nor white.
        centres: `float32 [C, 3]`, 0-255; the named colours by default.
    """
    centres = np.array(list(COLOURS.values()) if centres is None else centres, np.float32)
    # -|p - c|^2 = 2 p.c - |c|^2 - |p|^2, and softmax ignores the last term.
    kernel = (2 * centres.T / SOFTNESS).astype(np.float32)
    bias = (-(centres**2).sum(axis=1) / SOFTNESS).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["pixels", "kernel"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["votes"], axis=-1),
        helper.make_node("ReduceMean", ["votes"], ["probabilities"], axes=[1, 2], keepdims=0),
    ]
    spec = metadata.input
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(centres)])]
    weights = {"kernel": kernel, "bias": bias}
    if metadata.min_known is not None:
        weights["is_colour"] = np.array([[name not in GREYS] for name in metadata.labels], np.float32)
        weights["last"] = np.array([-1])
        nodes += [
            helper.make_node("MatMul", ["probabilities", "is_colour"], ["colourful"]),
            helper.make_node("Squeeze", ["colourful", "last"], ["known"]),
        ]
        outputs.append(helper.make_tensor_value_info("known", TensorProto.FLOAT, ["N"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", spec.height, spec.width, 3])],
        outputs,
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="edge-infer")
    model.ir_version = 8
    helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    return model


def write_tiny_model(path: Path, **changes: object) -> Path:
    """Write the model, with some metadata fields changed, and return the path."""
    path.write_bytes(tiny_model(replace(METADATA, **changes)).SerializeToString())
    return path


def write_example(path: Path) -> Path:
    """Write the model with its golden answers and return the path."""
    session = Session(open_model(write_tiny_model(path), ClassifierMetadata))
    return write_tiny_model(path, golden=golden_answers(session, METADATA.input))


if __name__ == "__main__":
    write_example(Path(sys.argv[1]))
