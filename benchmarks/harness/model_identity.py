"""Which model a figure is of."""

import hashlib
from typing import Any

from edge_infer.model_file.metadata import ModelMetadata
from edge_infer.model_file.opening import ModelFile


def identify(file: ModelFile[ModelMetadata]) -> dict[str, Any]:
    """Return a model file's name, size in bytes and sha256."""
    return {"file": file.path.name, "bytes": len(file.data), "sha256": hashlib.sha256(file.data).hexdigest()}
