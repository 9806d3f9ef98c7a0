"""What an imported run keeps of how its Keras file is read."""

from dataclasses import dataclass
from typing import cast

from edge_infer.model_file.metadata import Interpolation, Resize
from train.errors import RunFolderError
from train.files import read_json
from train.imports.imported import Size
from train.imports.scaling import Channels, Scaling
from train.runs.folder import IMPORTED, RunFolder


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


def read_record(folder: RunFolder) -> ImportRecord:
    """Read what a run folder keeps.

    Raises:
        RunFolderError: It is damaged.
    """
    content = read_json(folder.path / IMPORTED, "reading")
    try:
        reading = content["reading"]
        size = reading["size"]
        read = Reading(reading["output"], cast("Size", tuple(size)) if size else None, tuple(reading["leave_out"]))
        return ImportRecord(**content | {"reading": read, "order": tuple(content["order"])})
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{folder.path / IMPORTED} is damaged: {error}") from error
