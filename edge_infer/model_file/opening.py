"""Open a model file: read it once, check it, hand over its bytes and metadata.

Everything that can be known without a runtime is checked here; `edge_infer.runtime.session`
checks the rest against the loaded graph.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, overload

from edge_infer.errors import MetadataError, ModelFormatError, ModelNotFoundError
from edge_infer.model_file.metadata import METADATA_KEY, ModelMetadata, parse_metadata
from edge_infer.model_file.mistaken import mistaken_for_model
from edge_infer.model_file.onnx_wire import ModelSummary, summarize
from edge_infer.model_file.operators import check_operators
from edge_infer.model_file.registry import check_sha256, find_model

MAX_MODEL_BYTES = 1_000_000_000  # VGG16 with its published top is 553 MB

Metadata = TypeVar("Metadata", bound=ModelMetadata, covariant=True)


@dataclass(frozen=True, slots=True)
class ModelFile(Generic[Metadata]):
    """A checked model file.

    Attributes:
        path: Where it was read from.
        data: Its bytes, read once; the session is built from these.
        metadata: What it says of itself.
        summary: What it is made of.
    """

    path: Path
    data: bytes
    metadata: Metadata
    summary: ModelSummary


@overload
def open_model(name_or_path: str | Path) -> ModelFile[ModelMetadata]: ...


@overload
def open_model(name_or_path: str | Path, kind: type[Metadata]) -> ModelFile[Metadata]: ...


def open_model(name_or_path: str | Path, kind: type[ModelMetadata] = ModelMetadata) -> ModelFile[ModelMetadata]:
    """Read and check a bundled model or an `.onnx` file.

    Args:
        name_or_path: The model.
        kind: What it must be: `ClassifierMetadata` or `DetectorMetadata`; either by default.

    Raises:
        ModelNotFoundError: No such name or file, or it cannot be read.
        ChecksumError: A bundled model's bytes were changed.
        ModelFormatError: Not ONNX, cut short, too large, or more than a plain graph
            of known operators (`edge_infer.model_file.operators`).
        MetadataError: No metadata, malformed metadata, or a model of another kind.
    """
    path, sha256 = find_model(name_or_path)
    data = _read(path)
    if sha256 is not None:
        check_sha256(data, sha256, path)
    try:
        summary = summarize(data)
        check_operators(summary)
    except ModelFormatError as error:
        what = mistaken_for_model(data)
        raise ModelFormatError(f"{path} is {what}" if what else f"{path}: {error}") from error
    text = summary.metadata_props.get(METADATA_KEY)
    if text is None:
        raise MetadataError(
            f"{path} carries no {METADATA_KEY} metadata: only files made by `python -m export` can be used"
        )
    try:
        metadata = parse_metadata(text)
    except MetadataError as error:
        raise MetadataError(f"{path}: {error}") from error
    if not isinstance(metadata, kind):
        raise MetadataError(f"{path} is a {metadata.kind.replace('_', ' ')}, where a {_name_of(kind)} is needed")
    return ModelFile(path, data, metadata, summary)


def _name_of(kind: type[ModelMetadata]) -> str:
    return kind.kind.replace("_", " ")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelFormatError(f"{path} has more than {MAX_MODEL_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ModelNotFoundError(f"model file {path} cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise ModelFormatError(f"{path} needs more memory than there is") from error
