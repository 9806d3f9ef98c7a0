"""What a model file says of the run it comes from."""

from importlib.metadata import version
from typing import Any

import keras

from edge_infer.model_file.metadata import ClassifierMetadata
from train.imports.finished import ImportedRun
from train.imports.imported import CORE
from train.runs.finished import FinishedRun

MODEL_VERSION = "1.0.0"
LICENCE = "CC-BY-4.0"  # that of the VGG16 weights every exported network is made from
TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "edge-infer")


def describe(run: FinishedRun | ImportedRun, name: str) -> ClassifierMetadata:
    """Return the self-description of a run's model, before anything is measured on the file."""
    metrics, calibration = run.metrics, run.metrics["calibration"]
    if isinstance(run, ImportedRun):
        return ClassifierMetadata(
            name=name,
            task=name,
            version=MODEL_VERSION,
            labels=run.labels,
            input=run.spec,
            min_score=calibration["min_score"],
            temperature=calibration["temperature"],
            precision="fp32",
            recipe="imported",
            architecture=architecture_of(run.network.get_layer(CORE), metrics.get("slim")),
            training={
                "class_counts": metrics["class_counts"],
                "split_sha256": metrics["split"]["digest"],
                "preprocessing": run.record.scaling,
                "channels": run.record.channels,
                "keras_file_sha256": run.record.sha256,
            },
            tools={tool: version(tool) for tool in TOOLS},
        )
    return ClassifierMetadata(
        name=name,
        task=run.recipe.task or name,
        card=run.recipe.card,
        version=MODEL_VERSION,
        labels=run.labels,
        input=run.spec,
        min_score=calibration["min_score"],
        min_known=calibration.get("min_known"),
        temperature=calibration["temperature"],
        precision="fp32",
        recipe=run.recipe.name,
        architecture=_architecture(run),
        training={
            "class_counts": metrics["class_counts"],
            "split_sha256": metrics["split"]["digest"],
            "preprocessing": run.recipe.preprocessing,
        },
        licence=LICENCE,
        attribution=run.recipe.attribution,
        tools={tool: version(tool) for tool in TOOLS},
    )


def _architecture(run: FinishedRun) -> str:
    parts = ["VGG16 without top", type(run.recipe.head).__name__, f"{run.metrics['parameters']:,} parameters"]
    if run.recipe.widths is not None:
        parts[0] = f"VGG16 without top, slimmed to {'-'.join(map(str, run.recipe.widths))} channels"
    return ", ".join(parts)


def architecture_of(core: keras.Model, slim: dict[str, Any] | None = None) -> str:
    """Describe an imported network in words; `slim` is what the metrics say of how it was slimmed."""
    kinds = [type(layer).__name__ for layer in core.layers if layer.weights]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    slimmed = "" if slim is None else f", slimmed to {'-'.join(map(str, slim['widths']))} channels"
    return f"imported from Keras{slimmed}: {counted}, {core.count_params():,} parameters"
