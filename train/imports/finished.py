"""A finished run of either kind, trained or imported, read from its folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_infer.model_file.metadata import InputSpec
from train.data.photos import Photo
from train.errors import KerasFileError, RunFolderError
from train.imports.answers import read_answers
from train.imports.imported import Imported, import_model, network_of
from train.imports.record import ImportRecord, read_record
from train.metrics import Floats
from train.runs.finished import FinishedRun, LoadedRun, load_run
from train.runs.folder import IMPORTED, RunFolder

MODEL, ARCHITECTURE = "model.keras-file", "architecture.json"  # copies of what was imported
DECISIVE = (MODEL, IMPORTED)  # what its network's answers depend on


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
        return self.path / MODEL

    def read(self) -> Imported:
        """Read its Keras file anew, as it was saved.

        Raises:
            RunFolderError: It is damaged.
        """
        return _read(self.folder, self.record)

    def answers(self, photos: Sequence[Photo]) -> Floats | None:
        """Return the logits `[N, classes]` that it was measured by; None if they are not kept for all of the photos.

        Raises:
            RunFolderError: What is kept is damaged.
        """
        return read_answers(self.path, DECISIVE, photos)


def load_any_run(path: Path) -> FinishedRun | ImportedRun:
    """Load a finished run, trained or imported.

    Raises:
        RunFolderError: The folder is missing, unfinished or damaged.
    """
    folder = RunFolder(path)
    if not folder.is_imported or not folder.is_finished:
        return load_run(path)
    record = read_record(folder)
    metrics = folder.metrics("labels", "calibration")
    imported = _read(folder, record)
    network = network_of(imported, record.scaling, is_bgr=record.channels == "bgr", order=record.order)
    return ImportedRun(folder, network, metrics, folder.split(), record)


def _read(folder: RunFolder, record: ImportRecord) -> Imported:
    architecture = folder.path / ARCHITECTURE
    try:
        return import_model(
            folder.path / MODEL,
            architecture=architecture if architecture.exists() else None,
            **asdict(record.reading),
        )
    except KerasFileError as error:
        raise RunFolderError(f"{folder.path} is damaged: {error}") from error
