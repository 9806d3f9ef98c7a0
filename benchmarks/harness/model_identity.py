"""Which model a figure is of."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_infer.model_file.metadata import ModelMetadata
from edge_infer.model_file.opening import ModelFile


def named(models: Sequence[str]) -> dict[str, str]:
    """Return models by what a result calls them: a name or a file's stem, or its whole path where two share a stem."""
    stems = Counter(Path(model).stem for model in dict.fromkeys(models))
    return {Path(model).stem if stems[Path(model).stem] == 1 else model: model for model in models}


def identify(file: ModelFile[ModelMetadata]) -> dict[str, Any]:
    """Return a model file's name, size in bytes and sha256."""
    return {"file": file.path.name, "bytes": len(file.data), "sha256": hashlib.sha256(file.data).hexdigest()}
