"""Exporting, as the command does."""

from pathlib import Path
from typing import Any

import tests.train.conftest  # noqa: F401  # TensorFlow, quiet and deterministic
from export.output import Exported
from export.pipeline import export
from train.runs.finished import load_run


def export_run(run_folder: Path, out: Path, *, data: Path | None = None, **options: Any) -> list[Exported]:
    """Export a run as fp32, as the command does."""
    run = load_run(run_folder)
    return export(run, run.folder.dataset(data), out, **options)
