"""A Keras file and labelled photos -> a run folder, as a training leaves one."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from edge_infer.atomic_files import write_atomic
from edge_infer.model_file.metadata import InputSpec, Interpolation, Resize
from edge_infer.pictures.loading import load_input
from train.data.dataset import Dataset
from train.data.photos import sha256_file
from train.data.run_data import RunData
from train.data.splits import Ratios, check_class_sizes, make_split
from train.errors import ImportDecisionError, KerasFileError, RunFolderError
from train.files import read_json, write_json
from train.imports.imported import Imported, Size, import_model, network_of
from train.imports.scaling import Scaling
from train.imports.ways import Channels, Known, check_order, find_way
from train.metrics import Floats, calibrate
from train.networks.network import forward
from train.progress import say
from train.results.measure import MEASURED_PARTS, Answers, describe_data, examples, measure_part
from train.results.report import draw_confusion, draw_examples
from train.runs.finished import FinishedRun, LoadedRun, load_run
from train.runs.folder import CONFUSION, DATA, EXAMPLES, IMPORTED, RunFolder

_RATIOS = Ratios(60, 20, 20)
_SEED = 1
_MODEL, _ARCHITECTURE = "model.keras-file", "architecture.json"  # copies of what was imported


@dataclass(frozen=True, slots=True)
class Reading:
    """How a Keras file is read: as `train.imports.imported.import_model` is told."""

    output: str | None = None
    size: Size | None = None
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """All that a run needs to rebuild its network from its copy of the file.

    Attributes:
        file: The name of the file that was imported.
        sha256: Its hash.
        reading: How it is read.
        ending: What it ends in.
        scaling: How pixels are scaled.
        channels: `rgb` or `bgr`.
        resize: As in `InputSpec`.
        interpolation: Likewise.
        order: For each label, the model's output.
    """

    file: str
    sha256: str
    reading: Reading
    ending: str
    scaling: Scaling
    channels: Channels
    resize: Resize
    interpolation: Interpolation
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportedRun(LoadedRun):
    """A run whose network was read from a Keras file.

    Attributes:
        record: How.
    """

    record: ImportRecord

    @property
    def name(self) -> str:
        """The run folder's name."""
        return self.path.resolve().name

    @property
    def spec(self) -> InputSpec:
        """Its network's input."""
        _, height, width, _ = self.network.input_shape
        return InputSpec(height, width, self.record.resize, self.record.interpolation)

    @property
    def is_slim(self) -> bool:
        """Whether its network was slimmed."""
        return "slim" in self.metrics

    @property
    def weights_path(self) -> Path:
        """Where the Keras file lies that its network is read from."""
        return self.path / _MODEL

    def read(self) -> Imported:
        """Read its Keras file anew, as it was saved.

        Raises:
            RunFolderError: It is damaged.
        """
        return _read(self.folder, self.record)


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
    folder.check_new(resume=False)
    imported = import_model(model, architecture=architecture, **asdict(reading))
    check_class_sizes(dataset.photos)
    data = RunData(dataset, make_split(dataset.photos, dataset.groups, _RATIOS, seed=_SEED))
    for note in dataset.notes:
        say(f"Note: {note}")
    places = _places(imported, dataset, labels)
    targets = np.array([places[target] for target in data.targets], np.int64)
    paths = [photo.path for photo in data.photos]
    best, tried = find_way(imported, paths, targets, known, is_order_told=labels is not None)
    check_order(best, data.labels)
    way = best.way
    record = ImportRecord(
        *(model.name, sha256_file(model), reading, imported.ending, way.scaling),
        *("bgr" if way.is_bgr else "rgb", way.resize, way.interpolation, tuple(places)),
    )
    found = {"tried": [one.to_record() for one in tried]}
    return write_run(folder, model, record, imported, data, found, architecture=architecture)


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
    _write(folder, model, architecture, record, data, metrics, logits["test"])
    return metrics


def load_any_run(path: Path) -> FinishedRun | ImportedRun:
    """Load a finished run, trained or imported.

    Raises:
        RunFolderError: The folder is missing, unfinished or damaged.
    """
    folder = RunFolder(path)
    if not folder.is_imported or not folder.is_finished:
        return load_run(path)
    record = _record_from_json(folder)
    metrics = folder.metrics("labels", "calibration")
    imported = _read(folder, record)
    network = network_of(imported, record.scaling, is_bgr=record.channels == "bgr", order=record.order)
    return ImportedRun(folder, network, metrics, folder.split(), record)


def _read(folder: RunFolder, record: ImportRecord) -> Imported:
    architecture = folder.path / _ARCHITECTURE
    try:
        return import_model(
            folder.path / _MODEL,
            architecture=architecture if architecture.exists() else None,
            **asdict(record.reading),
        )
    except KerasFileError as error:
        raise RunFolderError(f"{folder.path} is damaged: {error}") from error


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
        raise ImportDecisionError(
            f"--labels {','.join(labels)} are not the class folders of {dataset.folder}: {', '.join(own)}"
        )
    return [labels.index(label) for label in own]


def _measured(logits: dict[Any, Floats], data: RunData, record: ImportRecord) -> dict[str, Any]:
    """Measure the network's answers; temperature and threshold are fitted on the validation photos."""
    calibration = calibrate(logits["validation"], data.targets[data.part("validation")])
    parts = {
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
    test_logits: Floats,
) -> None:
    path, test = folder.path, data.dataset.test_folder
    path.mkdir(parents=True, exist_ok=True)
    for source, name in ((model, _MODEL), (architecture, _ARCHITECTURE)):
        if source is not None:
            write_atomic(path / name, partial(shutil.copyfile, source))
    write_json(path / IMPORTED, asdict(record))
    where = {"data": str(data.dataset.folder.resolve()), "test": None if test is None else str(test.resolve())}
    write_json(path / DATA, {**where, "base_weights": "imported"})
    data.split.save(folder.split_path)
    figures: dict[str, Callable[[Path], object]] = {
        CONFUSION.format(part=part): draw_confusion(metrics[part], list(data.labels), part).savefig
        for part in MEASURED_PARTS
    }
    shown = examples(test_logits, metrics["calibration"]["temperature"], data)
    figures[EXAMPLES] = draw_examples(shown).savefig
    folder.write_report(to_markdown(record, metrics), figures)
    folder.write_metrics(metrics)


def to_markdown(record: ImportRecord, metrics: dict[str, Any]) -> str:
    """Return what was tried and measured as a page."""
    slim = metrics.get("slim")
    lines = [
        f"# {record.file}, imported",
        "",
        f"{metrics['parameters']:,} parameters; it ends in {record.ending}. Photos become input by {record.scaling} "
        f"scaling, {record.channels}, {record.resize}, {record.interpolation}.",
        *([] if slim is None else ["", _slimmed(slim)]),
        "",
        "| tried: scaling, channels, resize, filter | photos | right | log loss |",
        "|---|---|---|---|",
    ]
    for tried in metrics["tried"]:
        lines.append(f"| {tried['way']} | {tried['photos']} | {tried['right']} | {tried['log_loss']:.3f} |")
    lines += ["", "| part | right | accuracy | 95 % interval | ECE |", "|---|---|---|---|---|"]
    for part in MEASURED_PARTS:
        found = metrics[part]
        low, high = found["accuracy_95"]
        shares = f"{found['accuracy']:.1%} | {low:.1%}-{high:.1%} | {found['ece']:.3f}"
        lines.append(f"| {part} | {found['right']}/{found['photos']} | {shares} |")
    calibration = metrics["calibration"]
    lines += [
        "",
        "Nobody knows here which photos it was trained on. If these are among them, they are not held out, and the "
        "figures say too much: `--test DIR` names photos that it has not seen.",
        "",
        f"Temperature {calibration['temperature']:.3f}; answers below {calibration['min_score']:.3f} are uncertain.",
    ]
    return "\n".join(lines) + "\n"


def _slimmed(slim: dict[str, Any]) -> str:
    widths = "-".join(map(str, slim["widths"]))
    return (
        f"Slimmed to {widths} channels, {slim['speedup']:.1f} times fewer multiply-accumulates, and taught by the "
        f"original on {slim['pictures']} pictures. What was tried, was tried on the original."
    )


def _record_from_json(folder: RunFolder) -> ImportRecord:
    content = read_json(folder.path / IMPORTED, "reading")
    try:
        reading = content["reading"]
        size = reading["size"]
        read = Reading(reading["output"], cast("Size", tuple(size)) if size else None, tuple(reading["leave_out"]))
        return ImportRecord(**content | {"reading": read, "order": tuple(content["order"])})
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{folder.path / IMPORTED} is damaged: {error}") from error
