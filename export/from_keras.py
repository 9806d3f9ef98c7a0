"""`python -m export from-keras` without photos: a Keras model and what it says nothing of -> one fp32 model file."""

import hashlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edge_infer.model_file.metadata import ClassifierMetadata, InputSpec
from edge_infer.runtime.golden import golden_answers, golden_pictures
from edge_infer.runtime.session import OUTPUT_NAME, Session
from export.candidate import opened
from export.conversion.convert import convert, serving_function, with_metadata
from export.conversion.graph import check_graph, operator_histogram
from export.conversion.parity import border_pictures, check_parity, compare
from export.description import MODEL_VERSION, TOOLS
from export.errors import ExportError
from export.output import Exported, check_absent, write_model
from train.imports.imported import Imported, network_of
from train.imports.scaling import Scaling
from train.progress import say

NOISE_PICTURES = 16


class LabelsError(ExportError, ValueError):
    """The labels given are not those of the model's outputs."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a Keras file does not say.

    Attributes:
        labels: Class names, in output order; of one sigmoid unit, first the one that it calls 0.
        scaling: How pixels were scaled.
        is_bgr: Whether it was trained on blue, green, red.
        spec: Its input.
    """

    labels: tuple[str, ...]
    scaling: Scaling
    is_bgr: bool
    spec: InputSpec


def from_keras(imported: Imported, source: Path, told: Told, out: Path) -> Exported:
    """Write a model file in fp32 of a network that was read.

    Args:
        imported: The network.
        source: The file it was read from, whose hash goes into the metadata.
        told: What the user said of it.
        out: The `.onnx` file to write; its report goes beside it as `.json`.

    Raises:
        OutputExistsError: `out` exists.
        LabelsError: There are more or fewer labels than classes.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as the rebuilt network does.
    """
    check_absent((out, out.with_suffix(".json")), "--out")
    check_labels(told.labels, imported)
    network = network_of(imported, told.scaling, is_bgr=told.is_bgr)
    say("Converting to ONNX")
    model = convert(network, 1.0)
    check_graph(model)
    metadata = describe_import(imported, source, told, out.stem)
    session = Session(opened(with_metadata(model, metadata)))
    serve = serving_function(network, 1.0)
    parity = compare(
        lambda batch: serve(tf.constant(batch))[OUTPUT_NAME].numpy(),
        lambda batch: session.run(batch).probabilities,
        _drawn(told.spec),
    )
    check_parity(parity)
    record = parity.to_record()
    golden = golden_answers(session, told.spec)
    content = with_metadata(model, replace(metadata, parity=record, golden=golden))
    report = {
        "file": out.name,
        "bytes": len(content),
        "operators": operator_histogram(model),
        "ending": imported.ending,
        "parity": record,
    }
    return write_model(out, content, report)


def check_labels(labels: tuple[str, ...], imported: Imported) -> None:
    """Refuse labels that are not as many as the model's classes, or not distinct.

    Raises:
        LabelsError: They are not.
    """
    if len(labels) != imported.classes:
        raise LabelsError(f"--labels gives {len(labels)} names, and the model has {imported.classes} classes")
    if len(set(labels)) < len(labels) or not all(labels):
        raise LabelsError("--labels gives a name twice, or an empty one: each class has one of its own")


def describe_import(imported: Imported, source: Path, told: Told, name: str) -> ClassifierMetadata:
    """Return what the model file says of itself before anything is measured on it."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    training: dict[str, Any] = {
        "preprocessing": told.scaling,
        "channels": "bgr" if told.is_bgr else "rgb",
        "keras_file_sha256": digest,
    }
    return ClassifierMetadata(
        name=name,
        task=name,
        version=MODEL_VERSION,
        labels=told.labels,
        input=told.spec,
        min_score=0.0,  # nothing is known of how right its scores are
        precision="fp32",
        recipe="imported",
        architecture=architecture_of(imported.core),
        training=training,
        tools={tool: version(tool) for tool in TOOLS},
    )


def architecture_of(core: keras.Model) -> str:
    """Describe a rebuilt network in words."""
    kinds = [type(layer).__name__ for layer in core.layers if layer.weights]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return f"imported from Keras: {counted}, {core.count_params():,} parameters"


def _drawn(spec: InputSpec) -> list[np.ndarray]:
    """Draw pictures to compare on: the golden ones, also hard at the border, and noise."""
    rng = np.random.default_rng(0)
    golden = list(golden_pictures(spec))
    noise = [rng.integers(0, 256, golden[0].shape, np.uint8) for _ in range(NOISE_PICTURES)]
    return [*golden, *noise, *border_pictures(golden)]
