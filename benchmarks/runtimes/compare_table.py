"""The result of benchmarks/compare.py as rows of text: for the terminal, and for docs/benchmarks.md."""

from collections.abc import Mapping
from typing import Any

from export.columns import side_by_side

Row = tuple[str, ...]


def comparison_rows(result: Mapping[str, Any]) -> list[Row]:
    """Return a head and a row a runtime: times and ratios by threads, and how far its answers are from Keras'.

    Ratios say how many times faster it is than Keras, and than onnxruntime's fp32 with as many threads.
    """
    head = ["runtime"]
    for count in result["threads"]:
        head += [f"{count} thread{'' if count == 1 else 's'}, p50", "x Keras", "x ONNX fp32"]
    rows: list[Row] = [(*head, "largest difference", "same answer")]
    for name, row in result["rows"].items():
        times = [cell for count in result["threads"] for cell in _cells(timing_of(row, count, result))]
        same = row["agreement"]
        rows.append((name, *times, f"{same['largest_difference']:.0e}", f"{same['count']}/{same['of']}"))
    return rows


def timing_of(row: Mapping[str, Any], count: int, result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what was measured with so many threads; left the choice, a runtime takes as many as there are cores."""
    chosen = row["threads"].get("default") if count == result["default_threads"] else None
    timing: Mapping[str, Any] | None = row["threads"].get(str(count), chosen)
    return timing


def comparison_text(result: Mapping[str, Any]) -> str:
    """Return the rows for a terminal, and what was left out."""
    rows = comparison_rows(result)
    table = side_by_side([{row[0]: row[column] for row in rows} for column in range(1, len(rows[0]))])
    missing = [f"{name}: not measured: {why}" for name, why in result["not_measured"].items()]
    return "\n".join([table, *missing])


def _cells(timing: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if timing is None:
        return "", "", ""
    low, high = timing["ms"]["p50_95"]
    keras, onnx = (
        "" if timing[key] is None else f"{timing[key]['ratio']:.3g}" for key in ("times_keras", "times_onnx_fp32")
    )
    return f"{timing['ms']['p50']:.1f} ms ({low:.1f}-{high:.1f})", keras, onnx
