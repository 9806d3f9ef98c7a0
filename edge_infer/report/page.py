"""The page: one HTML file with everything in it, so that it can be kept, sent and opened without a server."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from edge_infer.atomic_files import write_atomic
from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.heat import scale_rgb
from edge_infer.report.entries import Entry

_MARK = '<meta name="generator" content="edge-infer report">'
_SUFFIXES = (".html", ".htm")
_HEAD_BYTES = 1000  # that the mark is in


@dataclass(frozen=True, slots=True)
class Report:
    """What a page shows.

    Attributes:
        title: What it is of, such as the folder's name.
        model: The model's name and version.
        labels: Its classes, in output order.
        entries: The photos.
        failures: Names of the files that could not be answered, each with the reason.
    """

    title: str
    model: str
    labels: tuple[str, ...]
    entries: Sequence[Entry]
    failures: Sequence[tuple[str, str]]


def check_path(path: Path) -> None:
    """Refuse a name that no browser would open as a page, and to replace anything but an earlier one.

    Raises:
        OutputError: It is one of these.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"{path} should end in .html: a browser opens it by that")
    try:
        is_there = path.exists()
        is_page = is_there and _is_page(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    if not is_there:
        _check_folder(path)
    elif not is_page:
        raise OutputError(f"{path} exists and is not a report: give another --out")


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK.encode() in file.read(_HEAD_BYTES)


def _check_folder(path: Path) -> None:
    """Refuse a place that cannot be written to, before hours of answers are lost there."""
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir():
        raise OutputError(f"{path} cannot be written: {nearest} is no folder")
    if not os.access(nearest, os.W_OK):
        raise OutputError(f"{path} cannot be written: {nearest} may not be written to")


def write_page(path: Path, report: Report) -> None:
    """Write the page, whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    data = {
        "title": report.title,
        "model": report.model,
        "labels": report.labels,
        "scale": scale_rgb().ravel().tolist(),
        "entries": report.entries,
        "failures": report.failures,
    }
    # `<` could end the script that holds the data; U+2028 and invalid UTF-8 are escaped by default.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    page = _part("report.html").replace("/* style */", _part("report.css"), 1)
    page = page.replace("/* script */", _part("report.js"), 1).replace("/* data */", text, 1)
    try:
        write_atomic(path, lambda unfinished: unfinished.write_text(page, encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _part(name: str) -> str:
    return (files("edge_infer.report") / name).read_text(encoding="utf-8")
