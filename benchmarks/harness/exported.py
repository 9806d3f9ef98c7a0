"""Where `python -m export` writes a run's files."""

from pathlib import Path

from edge_infer.model_file.metadata import Precision
from train.recipes import Recipe


def exported_file(recipe: Recipe, folder: Path, precision: Precision) -> Path:
    """Return the file of a task's run, slim or not."""
    return folder / f"{recipe.name}{'' if recipe.widths is None else '-slim'}-{precision}.onnx"
