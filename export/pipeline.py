"""From a finished run to a checked model file: convert, check, compare, measure, write."""

import json
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import tensorflow as tf

from edge_infer.atomic_files import write_atomic
from edge_infer.model_file.metadata import ClassifierMetadata, Precision
from edge_infer.model_file.opening import ModelFile, open_model
from edge_infer.runtime.cpus import available_cpus
from edge_infer.runtime.golden import golden_answers
from edge_infer.runtime.session import OUTPUT_NAME, Session
from export.convert import convert, serving_function, with_metadata
from export.errors import ModelNameError, OutputExistsError, ParityError
from export.graph import check_graph, operator_histogram
from export.int8 import quantize_classifier
from export.parity import Parity, border_pictures, check_parity, compare
from export.quality import agreement, measure_answers
from train.data.photos import Photo
from train.files import write_json
from train.progress import say, track
from train.runs.finished import FinishedRun, load_run, run_photos
from train.views.features import input_spec, load_view

MODEL_VERSION = "1.0.0"
LICENCE = "CC-BY-4.0"  # that of the VGG16 weights every exported network is made from
TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow", "edge-infer")

CALIBRATION_PICTURES = 64
_LATENCY_RUNS = 20


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file and what was measured of it."""

    path: Path
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A model that may be written.

    Attributes:
        model: Without metadata.
        metadata: All but its accuracy.
        told: What else its report says.
        answers: Its probabilities for every photo of the run, `float32 [N, C]`.
    """

    model: onnx.ModelProto
    metadata: ClassifierMetadata
    told: dict[str, Any]
    answers: np.ndarray


def export(
    run_folder: Path,
    out: Path,
    precisions: Sequence[Precision] = ("fp32",),
    *,
    name: str | None = None,
    data: Path | None = None,
    test: Path | None = None,
    max_drop: float = 0.02,
) -> list[Exported]:
    """Export a run; everything is measured before anything is written.

    Args:
        run_folder: A finished run of `python -m train`, slim or not.
        out: Folder for a `.onnx` file and a `.json` report of each precision.
        precisions: What to write.
        name: The model's name; by default the recipe's, or the run folder's where the
            recipe has no task of its own.
        data: The run's photos, if they are not where they were.
        test: Its separate test folder, likewise.
        max_drop: Share of the held-out photos, 0–1, that int8 may answer less right than fp32; unless it
            is 0, one photo is always allowed.

    Raises:
        RunFolderError: The run is unfinished or damaged.
        DataError: The run's photos are not there.
        ModelNameError: The name is no plain file name.
        OutputExistsError: A file exists.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as Keras does, or int8 loses too much.
    """
    run = load_run(run_folder)
    name = name or (run.recipe.name if run.recipe.task else run_folder.resolve().name)
    if Path(name).name != name:  # it may come from the run folder's recipe
        raise ModelNameError(f"{name!r} cannot name a model: its file would lie in another folder; give another --name")
    stem = f"{name}-slim" if run.recipe.widths is not None else name
    targets = {precision: out / f"{stem}-{precision}.onnx" for precision in precisions}
    for target in targets.values():
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
    record = parity.to_record()
    candidates = {"fp32": _answered(model, replace(metadata, parity=record), {"parity": record}, pictures)}
    if "int8" in precisions:
        candidates["int8"] = _quantized(candidates["fp32"], run, photos, pictures)
        _check_drop(candidates["fp32"].answers, candidates["int8"].answers, run, photos, max_drop)
    return [
        _write(candidates[precision], target, candidates["fp32"].answers, run, photos, pictures[0])
        for precision, target in targets.items()
    ]


def _answered(
    model: onnx.ModelProto, metadata: ClassifierMetadata, told: dict[str, Any], pictures: list[np.ndarray]
) -> _Candidate:
    """Let a model answer for every photo, and for the golden pictures."""
    session = Session(_opened(with_metadata(model, metadata)))
    answers = np.concatenate([session.run(picture[np.newaxis]) for picture in track(pictures, "Classifying")])
    return _Candidate(model, replace(metadata, golden=golden_answers(session, metadata.input)), told, answers)


def _quantized(fp32: _Candidate, run: FinishedRun, photos: list[Photo], pictures: list[np.ndarray]) -> _Candidate:
    """Quantize the converted model, calibrated on some of the training photos."""
    chosen = np.random.default_rng(0).permutation(run.split.indices(photos, "train"))[:CALIBRATION_PICTURES]
    quantized = quantize_classifier(fp32.model, [pictures[i][np.newaxis] for i in chosen])
    check_graph(quantized.model)
    told = {"layer_errors": quantized.layer_errors, "layers_kept_in_float": list(quantized.kept_float)}
    candidate = _answered(quantized.model, replace(fp32.metadata, precision="int8"), told, pictures)
    # fp32 was compared with Keras; what int8 differs from is fp32.
    same = candidate.answers.argmax(axis=1) == fp32.answers.argmax(axis=1)
    parity = Parity(len(pictures), float(np.abs(candidate.answers - fp32.answers).max()), int(same.sum()))
    return replace(candidate, metadata=replace(candidate.metadata, parity=parity.to_record()))


def _check_drop(
    reference: np.ndarray, candidate: np.ndarray, run: FinishedRun, photos: list[Photo], max_drop: float
) -> None:
    """Refuse int8 that answers fewer held-out photos right than it may."""
    held_out = np.concatenate([run.split.indices(photos, part) for part in ("validation", "test")])
    targets = np.array([run.labels.index(photos[i].label) for i in held_out])
    before, after = (int((answers[held_out].argmax(axis=1) == targets).sum()) for answers in (reference, candidate))
    # One of a few photos is chance; but who says 0 means it.
    allowed = max(1, int(max_drop * len(held_out) + 1e-9)) if max_drop else 0
    if before - after > allowed:
        raise ParityError(
            f"int8 answers {after} of {len(held_out)} held-out photos right, fp32 {before}, and may lose {allowed}; "
            f"nothing is written (`python -m export {run.path} --max-drop X` allows more)"
        )


def _write(
    candidate: _Candidate,
    target: Path,
    fp32_answers: np.ndarray,
    run: FinishedRun,
    photos: list[Photo],
    picture: np.ndarray,
) -> Exported:
    """Write one file and its report."""
    measured = _measure(run, photos, candidate)
    accuracy = _accuracy(run, measured)
    content = with_metadata(candidate.model, replace(candidate.metadata, accuracy=accuracy))
    report = {
        "file": target.name,
        "bytes": len(content),
        "operators": operator_histogram(candidate.model),
        **candidate.told,
        "agreement_with_fp32": agreement(candidate.answers, fp32_answers),
        "accuracy": accuracy,
        "test": measured,
        "latency_ms": _latency_ms(_opened(content), picture),
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


def _opened(content: bytes) -> ModelFile[ClassifierMetadata]:
    """Open the bytes the way a device does: through a file and every check of the loader."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(content)
        return open_model(path, ClassifierMetadata)


def _measure(run: FinishedRun, photos: list[Photo], candidate: _Candidate) -> dict[str, Any]:
    """Measure the file itself on the test photos."""
    chosen = run.split.indices(photos, "test")
    targets = np.array([run.labels.index(photos[i].label) for i in chosen])
    return measure_answers(candidate.answers[chosen], targets, run.labels, candidate.metadata.min_score)


def _accuracy(run: FinishedRun, measured: dict[str, Any]) -> dict[str, Any]:
    """Return what the file says of its accuracy: on the test photos, and the run's k-fold."""
    # The calibration error rests on the last digits of a float32 network, which differ between
    # machines; rounded, it does not keep the same run from giving the same file.
    rounded = {**measured, "ece": round(measured["ece"], 4)}
    accuracy = {"test": {key: rounded[key] for key in ("photos", "right", "accuracy", "accuracy_95", "ece")}}
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
