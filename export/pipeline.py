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

from edge_infer.metadata import ModelMetadata
from edge_infer.model_file import ModelFile, open_model
from edge_infer.session import OUTPUT_NAME, Session, available_cpus
from export.convert import convert, serving_function, with_metadata
from export.errors import OutputExistsError
from export.graph import check_graph, operator_histogram
from export.parity import border_pictures, check_parity, compare
from export.run import FinishedRun, load_run
from train.errors import DataError
from train.evaluation import evaluate
from train.features import input_spec, load_view
from train.photos import Photo, find_photos
from train.progress import say, track
from train.run_folder import DATA, read_json, write_atomic, write_json

MODEL_VERSION = "1.0.0"
LICENCE = "CC-BY-4.0"  # that of the VGG16 weights every exported network is made from
TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "edge-infer")
REPORT = "export.json"
_LATENCY_RUNS = 20


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file and what was measured of it."""

    path: Path
    report: dict[str, Any]


def export(run_folder: Path, out: Path, data: Path | None = None, test: Path | None = None) -> Exported:
    """Export a run as fp32.

    Args:
        run_folder: A finished run of `python -m train`.
        out: Folder for `<name>-fp32.onnx` and `export.json`.
        data: The run's photos, if they are not where they were.
        test: Its separate test folder, likewise.

    Raises:
        RunFolderError: The run is unfinished or damaged.
        DataError: The run's photos are not there.
        OutputExistsError: The file exists.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as Keras does.
    """
    run = load_run(run_folder)
    target = out / f"{run.recipe.name}-fp32.onnx"
    if target.exists():
        raise OutputExistsError(f"{target} exists: remove it, or give another --out")
    photos = run_photos(run, data, test)

    say("Converting to ONNX")
    model = convert(run.network, run.temperature)
    check_graph(model)

    pictures = [load_view(photo, 0, run.recipe) for photo in track(photos, "Loading photos")]
    metadata = describe(run)
    file = _opened(with_metadata(model, metadata))
    session = Session(file)
    say("Comparing with Keras")
    serve = serving_function(run.network, run.temperature)
    parity = compare(
        lambda batch: serve(tf.constant(batch))[OUTPUT_NAME].numpy(),
        session.run,
        [*pictures, *border_pictures(pictures)],
    )
    check_parity(parity)

    accuracy = _accuracy(run, photos, pictures, session)
    metadata = replace(metadata, parity=parity.to_record(), accuracy=accuracy)
    content = with_metadata(model, metadata)
    write_atomic(target, lambda path: path.write_bytes(content))
    report = {
        "file": target.name,
        "bytes": len(content),
        "operators": operator_histogram(model),
        "parity": parity.to_record(),
        "accuracy": accuracy,
        "latency_ms": _latency_ms(file, pictures[0]),
        "machine": f"{platform.machine()}, {available_cpus()} cores",
    }
    write_json(out / REPORT, report)
    return Exported(target, report)


def run_photos(run: FinishedRun, data: Path | None, test: Path | None) -> list[Photo]:
    """Find the photos of a run, by default where it found them.

    Raises:
        DataError: They are gone or changed.
    """
    noted = read_json(run.path / DATA)
    folder = data or Path(noted["data"])
    photos = find_photos(folder, test or (Path(noted["test"]) if noted["test"] and data is None else None))
    if {photo.sha256 for photo in photos} != run.parts.keys():
        raise DataError(f"{folder} does not hold the photos of {run.path}: give them with --data")
    return photos


def describe(run: FinishedRun) -> ModelMetadata:
    """Return the self-description of a run's model, before anything is measured on the file."""
    metrics, calibration = run.metrics, run.metrics["calibration"]
    name = run.recipe.name
    return ModelMetadata(
        name=name,
        task=run.recipe.task or name,
        version=MODEL_VERSION,
        labels=run.labels,
        input=input_spec(run.recipe),
        min_score=calibration["min_score"],
        temperature=calibration["temperature"],
        precision="fp32",
        recipe=name,
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


def _opened(content: bytes) -> ModelFile:
    """Open the bytes the way a device does: through a file and every check of the loader."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(content)
        return open_model(path)


def _accuracy(run: FinishedRun, photos: list[Photo], pictures: list[np.ndarray], session: Session) -> dict[str, Any]:
    """Measure the file itself on the test photos, and quote the run's k-fold."""
    chosen = [i for i, photo in enumerate(photos) if run.parts[photo.sha256] == "test" and photo.part in (None, "test")]
    probabilities = np.concatenate([session.run(pictures[i][np.newaxis]) for i in chosen])
    targets = np.array([run.labels.index(photos[i].label) for i in chosen])
    measured = evaluate(probabilities, targets, run.labels)
    accuracy = {"test": {key: measured[key] for key in ("photos", "right", "accuracy", "accuracy_95", "ece")}}
    if kfold := run.metrics["kfold"]:
        accuracy["kfold"] = {key: kfold[key] for key in ("folds", "repeats", "mean_accuracy", "mean_accuracy_95")}
    return json.loads(json.dumps(accuracy))


def _latency_ms(file: ModelFile, picture: np.ndarray) -> dict[str, float]:
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
