"""A Keras file and labelled photos -> a run folder, as a training leaves one."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_infer.atomic_files import write_atomic
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import load_input
from train.data.dataset import Dataset
from train.data.layout import Part
from train.data.photos import sha256_file
from train.data.run_data import RunData
from train.data.splits import Ratios, check_class_sizes, make_split
from train.errors import ImportDecisionError, RunFolderError
from train.files import whole_folder, write_json
from train.imports.answers import write_answers
from train.imports.finished import ARCHITECTURE, DECISIVE, MODEL
from train.imports.imported import Imported, import_model, network_of
from train.imports.page import to_markdown
from train.imports.record import ImportRecord, Reading
from train.imports.ways import Known, check_order, find_way
from train.metrics import Floats, calibrate
from train.networks.network import forward
from train.progress import say
from train.results.measure import MEASURED_PARTS, Answers, describe_data, examples, measure_part
from train.results.report import write_report
from train.runs.folder import DATA, IMPORTED, RunFolder

_RATIOS = Ratios(60, 20, 20)
_SEED = 1


def import_run(
    model: Path,
    dataset: Dataset,
    folder: RunFolder,
    *,
    reading: Reading,
    known: Known,
    architecture: Path | None = None,
    labels: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """Import a Keras model: find out from photos what its file does not say, measure it, and fill a run folder.

    Args:
        model: The file.
        dataset: Labelled photos.
        folder: The run folder to write; nothing is written before all is known.
        reading: How the file is read.
        known: What is told of the way from photo to input.
        architecture: The file's architecture, where it holds weights alone.
        labels: Class names in the order of the outputs, if they are told.

    Returns:
        The metrics.

    Raises:
        KerasFileError: The file cannot be read.
        DataError: The photos cannot be used.
        ImportDecisionError: They do not decide, or their classes are not the model's.
        RunFolderError: The folder exists.
    """
    if folder.path.exists():
        raise RunFolderError(f"{folder.path} exists: give a new folder")
    imported = import_model(model, architecture=architecture, **asdict(reading))
    check_class_sizes(dataset.photos)
    data = RunData(dataset, make_split(dataset.photos, dataset.groups, _RATIOS, seed=_SEED))
    for note in dataset.notes:
        say(f"Note: {note}")
    places = _places(imported, dataset, labels)
    targets = np.array([places[target] for target in data.targets], np.int64)
    paths = [photo.path for photo in data.photos]
    named = labels or tuple(data.labels)
    best, tried = find_way(imported, paths, targets, known, labels=named, is_order_told=labels is not None)
    check_order(best, named)
    way = best.way
    record = ImportRecord(
        file=model.name,
        sha256=sha256_file(model),
        reading=reading,
        ending=imported.ending,
        scaling=way.scaling,
        channels="bgr" if way.is_bgr else "rgb",
        resize=way.resize,
        interpolation=way.interpolation,
        order=tuple(places),
    )
    found = {"tried": [one.to_record() for one in tried]}
    with whole_folder(folder.path) as unfinished:
        return write_run(RunFolder(unfinished), model, record, imported, data, found, architecture=architecture)


def write_run(
    folder: RunFolder,
    model: Path,
    record: ImportRecord,
    imported: Imported,
    data: RunData,
    found: Mapping[str, Any],
    *,
    architecture: Path | None = None,
) -> dict[str, Any]:
    """Measure a network that was read from a Keras file, and fill a run folder.

    Args:
        folder: The run folder.
        model: The Keras file.
        record: How it is read.
        imported: What was read.
        data: The photos.
        found: What else the metrics say.
        architecture: As in `import_run`.

    Returns:
        The metrics.
    """
    network = network_of(imported, record.scaling, is_bgr=record.channels == "bgr", order=record.order)
    spec = InputSpec(*imported.size, record.resize, record.interpolation)
    shown = {part: [photo.path for photo in data.part_photos(part)] for part in MEASURED_PARTS}
    answer = forward(network)
    logits = {part: answer(np.stack([load_input(path, spec) for path in shown[part]])) for part in MEASURED_PARTS}
    metrics = {**_measured(logits, data, record), "parameters": network.count_params(), **found}
    _write(folder, model, architecture, record, data, metrics, logits)
    return metrics


def _places(imported: Imported, dataset: Dataset, labels: tuple[str, ...] | None) -> list[int]:
    """Return the output of each class of the photos."""
    own = dataset.labels
    if imported.classes != len(own):
        raise ImportDecisionError(
            f"the model has {imported.classes} classes, {dataset.folder} has {len(own)} class folders: {', '.join(own)}"
        )
    if labels is None:
        return list(range(len(own)))
    if sorted(labels) != list(own):
        hint = " (names that hold a comma are given in a file, one a line)" if any("," in name for name in own) else ""
        raise ImportDecisionError(
            f"--labels {','.join(labels)} are not the class folders of {dataset.folder}: {', '.join(own)}{hint}"
        )
    return [labels.index(label) for label in own]


def _measured(logits: Mapping[Part, Floats], data: RunData, record: ImportRecord) -> dict[str, Any]:
    """Measure the network's answers; temperature and threshold are fitted on the validation photos.

    Nobody knows whether the network was trained on those: answers are never made surer than it gives them.
    """
    calibration = calibrate(logits["validation"], data.targets[data.part("validation")], least_temperature=1.0)
    parts: dict[str, Any] = {
        part: measure_part(Answers(found), data.targets[data.part(part)], calibration, data.labels)
        for part, found in logits.items()
    }
    return {
        "recipe": "imported",
        "preprocessing": record.scaling,
        **describe_data(data),
        "calibration": calibration,
        "kfold": None,
        **parts,
    }


def _write(
    folder: RunFolder,
    model: Path,
    architecture: Path | None,
    record: ImportRecord,
    data: RunData,
    metrics: dict[str, Any],
    logits: Mapping[Part, Floats],
) -> None:
    path, test = folder.path, data.dataset.test_folder
    path.mkdir(parents=True, exist_ok=True)
    for source, name in ((model, MODEL), (architecture, ARCHITECTURE)):
        if source is not None:
            write_atomic(path / name, partial(shutil.copyfile, source))
    write_json(path / IMPORTED, asdict(record))
    where = {"data": str(data.dataset.folder.resolve()), "test": None if test is None else str(test.resolve())}
    write_json(path / DATA, {**where, "base_weights": "imported"})
    data.split.save(folder.split_path)
    shown = [photo for part in MEASURED_PARTS for photo in data.part_photos(part)]
    write_answers(path, DECISIVE, shown, np.concatenate([logits[part] for part in MEASURED_PARTS]))
    answered = examples(logits["test"], metrics["calibration"]["temperature"], data)
    write_report(folder, to_markdown(record, metrics), metrics, answered)
    folder.write_metrics(metrics)
