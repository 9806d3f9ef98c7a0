"""What was measured of files, as people read it on a terminal."""

from collections.abc import Sequence
from typing import Any

from export.columns import side_by_side


def to_table(reports: Sequence[dict[str, Any]]) -> str:
    """Return what was measured of each file as text, the files side by side."""
    return side_by_side([_to_column(report) for report in reports])


def _to_column(report: dict[str, Any]) -> dict[str, str]:
    test = report["accuracy"]["test"]
    low, high = test["accuracy_95"]
    same = report["agreement_with_fp32"]
    column = {
        "file": report["file"],
        "size": f"{report['bytes'] / 1e6:.2f} MB",
        "test": f"{test['right']}/{test['photos']} right ({low:.1%}-{high:.1%})",
        "as fp32": f"{same['count']}/{same['of']} photos",
        **{f"{threads} thread{'s' * (threads != '1')}": f"{ms:.1f} ms" for threads, ms in report["latency_ms"].items()},
    }
    if parity := report.get("parity"):
        column["Keras"] = (
            f"differs by {parity['max_difference']:.0e}, same on {parity['same_top1']}/{parity['pictures']}"
        )
    if "layer_errors" in report:
        column["in float"] = ", ".join([*report["layers_kept_in_float"], "the last layer"])
    return column
