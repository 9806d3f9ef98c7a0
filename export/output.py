"""What export writes: a model file, and its report beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_infer.atomic_files import write_atomic
from export.errors import OutputExistsError
from train.files import write_json


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file and what was measured of it."""

    path: Path
    report: dict[str, Any]


def check_absent(targets: Iterable[Path], instead: str) -> None:
    """Refuse to overwrite files.

    Args:
        targets: The files.
        instead: The options that name others.

    Raises:
        OutputExistsError: One exists, or a file has the name of its folder.
    """
    for target in targets:
        if target.exists():
            raise OutputExistsError(f"{target} exists: remove it, or give another {instead}")
        if target.parent.exists() and not target.parent.is_dir():
            raise OutputExistsError(f"{target.parent} is no folder to write {target.name} into: give another {instead}")


def both_files(target: Path) -> tuple[Path, Path]:
    """Return where `write_model` writes: the `.onnx` file and its report."""
    return target, target.with_suffix(".json")


def write_model(target: Path, content: bytes, report: dict[str, Any]) -> Exported:
    """Write a model file and then its report, so that no report is there without its file.

    Args:
        target: The `.onnx` file; the report goes beside it as `.json`.
        content: The file's bytes.
        report: What was measured of it.
    """
    file, report_file = both_files(target)
    write_atomic(file, lambda path: path.write_bytes(content))
    write_json(report_file, report)
    return Exported(target, report)
