"""`python -m export from-keras`: a Keras file and what it says nothing of -> one model file.

With photos: imported -> slimmed, if asked -> exported, as a run is. Without: what is told is believed, and the file is
fp32.
"""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge_infer.model_file.metadata import ClassifierMetadata, InputSpec, Precision
from edge_infer.runtime.golden import golden_answers, golden_pictures
from edge_infer.runtime.session import OUTPUT_NAME, Session
from export.candidate import opened
from export.conversion.convert import convert, keras_answers, with_metadata
from export.conversion.graph import check_graph, operator_histogram
from export.conversion.parity import Pixels, border_pictures, check_parity, compare
from export.description import MODEL_VERSION, TOOLS, architecture_of
from export.errors import ExportError
from export.output import both_files, check_absent, write_model
from export.pipeline import export
from train.data.dataset import Dataset
from train.imports.finished import ImportedRun, load_any_run
from train.imports.imported import Imported, import_model, network_of
from train.imports.options import Told
from train.imports.record import Reading
from train.imports.run import import_run
from train.imports.scaling import is_usually_bgr
from train.imports.slimming import SETTINGS, check_imported_goal, slim_imported
from train.imports.trial import Way
from train.imports.ways import Known, note_scaled_twice
from train.networks.precision import has_fast_bfloat16
from train.progress import say
from train.runs.folder import RunFolder
from train.runs.slim_folder import SlimFolder
from train.slim.goal import Goal

NOISE_PICTURES = 16


class LabelsError(ExportError, ValueError):
    """The labels given are not those of the model's outputs."""


def from_keras_and_photos(
    model: Path,
    told: Told,
    out: Path,
    *,
    photos: Path,
    test: Path | None,
    work: Path | None,
    goal: Goal | None,
    mixed_precision: bool | None,
    precision: Precision,
    max_drop: float,
) -> tuple[str, dict[str, Any]]:
    """Write a model file of a Keras file, what it does not say measured on photos.

    Args:
        model: The Keras file.
        told: What the user says of it.
        out: The `.onnx` file to write; its report goes beside it as `.json`.
        photos: Labelled photos.
        test: Those that it was not trained on, if they lie apart.
        work: A new folder for the imported run, and for the slim one beside it; None for one that is removed again.
        goal: How slim; None to leave the network as it is.
        mixed_precision: As in `train.imports.slimming.slim_imported`; None for as the processor is made.
        precision: Of the file.
        max_drop: As in `export.pipeline.export`.

    Returns:
        The run's page, and the file's report.

    Raises:
        OutputExistsError: `out` exists.
        EdgeInferError: As the steps do.
    """
    check_absent(both_files(out), "--out")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory()))
        folder, dataset = RunFolder(work or scratch / "run"), Dataset(photos, test)
        slim = SlimFolder(folder.path.with_name(f"{folder.path.name}-slim"))
        check_absent((folder.path,) if goal is None else (folder.path, slim.path), "--work")
        reading = Reading(told.output, told.size, told.leave_out)
        if goal is not None:  # better known now than after the import
            check_imported_goal(
                import_model(model, architecture=told.architecture, **asdict(reading)), model.name, goal
            )
        steps = 2 if goal is None else 3
        say(f"1/{steps} Importing")
        import_run(
            model,
            dataset,
            folder,
            reading=reading,
            known=Known(told.scaling, told.channels, told.resize, told.interpolation),
            architecture=told.architecture,
            labels=told.labels,
        )
        run = load_any_run(folder.path)
        if goal is not None and isinstance(run, ImportedRun):
            say(f"2/{steps} Slimming")
            bfloat16 = has_fast_bfloat16() if mixed_precision is None else mixed_precision
            slim_imported(run, dataset, slim, goal, settings=SETTINGS, resume=False, mixed_precision=bfloat16)
            folder, run = slim, load_any_run(slim.path)
        say(f"{steps}/{steps} Exporting")
        (file,) = export(run, dataset, scratch / "out", (precision,), name=out.stem, max_drop=max_drop)
        return folder.report(), write_model(out, file.path.read_bytes(), {**file.report, "file": out.name}).report


def from_keras(model: Path, told: Told, out: Path) -> dict[str, Any]:
    """Write a model file in fp32 of a Keras file, without photos.

    Args:
        model: The Keras file.
        told: What the user says of it, labels and scaling among it.
        out: The `.onnx` file to write; its report goes beside it as `.json`.

    Returns:
        The report.

    Raises:
        KerasFileError: The file cannot be read.
        OutputExistsError: `out` exists.
        LabelsError: There are more or fewer labels than classes.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as the rebuilt network does.
    """
    check_absent(both_files(out), "--out")
    imported = import_model(
        model, architecture=told.architecture, output=told.output, size=told.size, leave_out=told.leave_out
    )
    labels, scaling = told.labels or (), told.scaling or "none"
    check_labels(labels, imported)
    note_scaled_twice(imported, told.scaling)
    is_bgr = told.channels == "bgr" if told.channels else is_usually_bgr(scaling)
    way = Way(scaling, is_bgr, told.resize or "stretch", told.interpolation or "bilinear")
    network, spec = network_of(imported, scaling, is_bgr=is_bgr), way.spec(imported.size)
    say("Converting to ONNX")
    graph = convert(network, 1.0)
    check_graph(graph)
    metadata = describe_untested(imported, model, way, labels, out.stem)
    session, shown = Session(opened(with_metadata(graph, metadata))), _drawn(spec)
    expected = keras_answers(network, 1.0, shown)[OUTPUT_NAME]
    parity = compare(expected, np.concatenate([session.run(picture[np.newaxis]).probabilities for picture in shown]))
    check_parity(parity)
    record = parity.to_record()
    content = with_metadata(graph, replace(metadata, parity=record, golden=golden_answers(session, spec)))
    report = {
        "file": out.name,
        "bytes": len(content),
        "input": f"{spec.height} x {spec.width}",
        "operators": operator_histogram(graph),
        "ending": imported.ending,
        "parity": record,
    }
    return write_model(out, content, report).report


def check_labels(labels: tuple[str, ...], imported: Imported) -> None:
    """Refuse labels that are not as many as the model's classes, or not distinct.

    Raises:
        LabelsError: They are not.
    """
    if len(labels) != imported.classes:
        raise LabelsError(f"--labels gives {len(labels)} names, and the model has {imported.classes} classes")
    if len(set(labels)) < len(labels) or not all(labels):
        raise LabelsError("--labels gives a name twice, or an empty one: each class has one of its own")


def describe_untested(
    imported: Imported, source: Path, way: Way, labels: Sequence[str], name: str
) -> ClassifierMetadata:
    """Return what a model file says of itself if nothing was measured on photos."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ClassifierMetadata(
        name=name,
        task=name,
        version=MODEL_VERSION,
        labels=tuple(labels),
        input=way.spec(imported.size),
        min_score=0.0,  # nothing is known of how right its scores are
        precision="fp32",
        recipe="imported",
        architecture=architecture_of(imported.core),
        training={
            "preprocessing": way.scaling,
            "channels": "bgr" if way.is_bgr else "rgb",
            "keras_file_sha256": digest,
        },
        tools={tool: version(tool) for tool in TOOLS},
    )


def _drawn(spec: InputSpec) -> list[Pixels]:
    """Draw pictures to compare on: the golden ones, also hard at the border, and noise."""
    rng = np.random.default_rng(0)
    golden = list(golden_pictures(spec))
    noise = [rng.integers(0, 256, golden[0].shape, np.uint8) for _ in range(NOISE_PICTURES)]
    return [*golden, *noise, *border_pictures(golden)]
