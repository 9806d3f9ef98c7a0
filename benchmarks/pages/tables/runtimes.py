"""What `python benchmarks/compare.py` has measured: runtimes side by side, and what the package costs."""

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.runtimes.compare_table import comparison_rows, timing_of
from benchmarks.runtimes.row_names import EDGE_INFER_INT8


def comparison_table(result: dict[str, Any]) -> str:
    """Return a task's runtimes side by side; what was left out comes last."""
    head, *rows = comparison_rows(result)
    left_out = [(name, f"not measured: {why}", *[""] * (len(head) - 2)) for name, why in result["not_measured"].items()]
    return table(head, [*rows, *left_out])


def package_table(compared: Mapping[str, dict[str, Any]]) -> str:
    """Return the time of one photo with the bundled models, and how many times faster that is than what they replace.

    Args:
        compared: By task.
    """
    rows = []
    for threads, replaced, key in (
        (1, "the full fp32 network in onnxruntime", "times_onnx_fp32"),
        (2, "`keras.Model.predict`", "times_keras"),
    ):
        cells = [
            _faster(timing_of(result["rows"][EDGE_INFER_INT8], threads, result), key) for result in compared.values()
        ]
        rows.append((f"{threads} thread{'' if threads == 1 else 's'}, against {replaced}", *cells))
    models = [f"`{task}`{', without finding the face' if task == 'gender' else ''}" for task in compared]
    return table(("bundled, one photo through `Classifier`, two cores", *models), rows)


def _faster(timing: Mapping[str, Any] | None, key: str) -> str:
    if timing is None:
        return "not measured"
    return f"{timing['ms']['p50']:.1f} ms, {timing[key]['ratio']:.3g} times as fast"
