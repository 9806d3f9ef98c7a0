"""What `python -m benchmarks.webcam.measure` has measured."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.webcam.measure import verdicts


def webcam_table(parts: dict[str, Any]) -> str:
    """Return what was measured beside what must hold."""
    figures = {name: part["figures"] for name, part in parts.items()}
    rows = [(what, f"{value:g}", bound, "yes" if holds else "no") for what, value, bound, holds in verdicts(figures)]
    return table(("what", "measured", "must be", "holds"), rows)
