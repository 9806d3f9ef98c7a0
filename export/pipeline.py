"""From a finished run to a checked model file: convert, check, compare, measure, write."""

import json
import platform
import statistics
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from edge_infer.metadata import ClassifierMetadata
from edge_infer.model_file import ModelFile, open_model
from edge_infer.session import OUTPUT_NAME, Session, available_cpus
from export.convert import convert, serving_function, with_metadata
from export.errors import ModelNameError, OutputExistsError
from export.graph import check_graph, operator_histogram
from export.parity import border_pictures, check_parity, compare
from export.run import FinishedRun, load_run, run_photos
from train.evaluation import evaluate
from train.features import input_spec, load_view
from train.photos import Photo
from train.progress import say, track
from train.run_folder import write_atomic, write_json

MODEL_VERSION = "1.0.0"
LICENCE = "CC-BY-4.0"  # that of the VGG16 weights every exported network is made from
TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "edge-infer")
_LATENCY_RUNS = 20


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file and what was measured of it."""

    path: Path
    report: dict[str, Any]


def export(
    run_folder: Path, out: Path, *, name: str | None = None, data: Path | None = None, test: Path | None = None
) -> Exported:
    """Export a run as fp32.

    Args:
        run_folder: A finished run of `python -m train`.
        out: Folder for `<name>-fp32.onnx` and `<name>-fp32.json`.
        name: The model's name; by default the recipe's, or the run folder's where the
            recipe has no task of its own.
        data: The run's photos, if they are not where they were.
        test: Its separate test folder, likewise.

    Raises:
        RunFolderError: The run is unfinished or damaged.
        DataError: The run's photos are not there.
        ModelNameError: The name is no plain file name.
        OutputExistsError: The file exists.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as Keras does.
    """
    run = load_run(run_folder)
    name = name or (run.recipe.name if run.recipe.task else run_folder.resolve().name)
    if Path(name).name != name:  # it may come from the run folder's recipe
        raise ModelNameError(f"{name!r} cannot name a model: its file would lie in another folder; give another --name")
    target = out / f"{name}-fp32.onnx"
    if target.exists():
        raise OutputExistsError(f"{target} exists: remove it, or give another --out or --name")
    photos = run_photos(run.path, run.split, data, test)

    say("Converting to ONNX")
    model = convert(run.network, run.temperature)
    check_graph(model)

    pictures = [load_view(photo, 0, run.recipe) for photo in track(photos, "Loading photos")]
    metadata = describe(run, name)
    session = Session(_opened(with_metadata(model, metadata)))
    serve = serving_function(run.network, run.temperature)
    parity = compare(
        lambda batch: serve(tf.constant(batch))[OUTPUT_NAME].numpy(),
        session.run,
        [*pictures, *border_pictures(pictures)],
    )
    check_parity(parity)

    accuracy = _accuracy(run, photos, pictures, session)
    content = with_metadata(model, replace(metadata, parity=parity.to_record(), accuracy=accuracy))
    report = {
        "file": target.name,
        "bytes": len(content),
        "operators": operator_histogram(model),
        "parity": parity.to_record(),
        "accuracy": accuracy,
        "latency_ms": _latency_ms(_opened(content), pictures[0]),
        "machine": f"{platform.machine()}, {available_cpus()} cores",
    }
    write_json(target.with_suffix(".json"), report)
    write_atomic(target, lambda path: path.write_bytes(content))
    return Exported(target, report)


def describe(run: FinishedRun, name: str) -> ClassifierMetadata:
    """Return the self-description of a run's model, before anything is measured on the file."""
    metrics, calibration = run.metrics, run.metrics["calibration"]
    return ClassifierMetadata(
        name=name,
        task=run.recipe.task or name,
        card=run.recipe.card,
        version=MODEL_VERSION,
        labels=run.labels,
        input=input_spec(run.recipe),
        min_score=calibration["min_score"],
        temperature=calibration["temperature"],
        precision="fp32",
        recipe=run.recipe.name,
        architecture=f"VGG16 without top, {type(run.recipe.head).__name__}, {metrics['parameters']:,} parameters",
        training={
            "class_counts": metrics["class_counts"],
            "split_sha256": metrics["split"]["digest"],
            "preprocessing": run.recipe.preprocessing,
        },
        licence=LICENCE,
        attribution=run.recipe.attribution,
        tools={tool: version(tool) for tool in TOOLS},
    )


def _opened(content: bytes) -> ModelFile[ClassifierMetadata]:
    """Open the bytes the way a device does: through a file and every check of the loader."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(content)
        return open_model(path, ClassifierMetadata)


def _accuracy(run: FinishedRun, photos: list[Photo], pictures: list[np.ndarray], session: Session) -> dict[str, Any]:
    """Measure the file itself on the test photos, and quote the run's k-fold."""
    chosen = run.split.indices(photos, "test")
    probabilities = np.concatenate([session.run(pictures[i][np.newaxis]) for i in chosen])
    targets = np.array([run.labels.index(photos[i].label) for i in chosen])
    measured = evaluate(probabilities, targets, run.labels)
    # The calibration error rests on the last digits of a float32 network, which differ between
    # machines; rounded, it does not keep the same run from giving the same file.
    measured["ece"] = round(measured["ece"], 4)
    accuracy = {"test": {key: measured[key] for key in ("photos", "right", "accuracy", "accuracy_95", "ece")}}
    if kfold := run.metrics["kfold"]:
        accuracy["kfold"] = {key: kfold[key] for key in ("folds", "repeats", "mean_accuracy", "mean_accuracy_95")}
    return json.loads(json.dumps(accuracy))


def _latency_ms(file: ModelFile[ClassifierMetadata], picture: np.ndarray) -> dict[str, float]:
    """Return the median time of one inference, by number of threads."""
    batch = picture[np.newaxis]
    medians = {}
    for threads in sorted({1, available_cpus()}):
        session = Session(file, threads=threads)
        times = []
        for _ in range(_LATENCY_RUNS):
            started = time.perf_counter()
            session.run(batch)
            times.append((time.perf_counter() - started) * 1e3)
        medians[str(threads)] = round(statistics.median(times), 2)
    return medians
