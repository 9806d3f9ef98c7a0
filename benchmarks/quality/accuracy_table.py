"""The result of benchmarks/accuracy.py as rows of text, for the terminal."""

from typing import Any

from export.columns import side_by_side


def accuracy_text(models: dict[str, dict[str, Any]]) -> str:
    """Return what was measured of each model, side by side."""
    return side_by_side([{"model": name, **_rows(record)} for name, record in models.items()])


def _rows(record: dict[str, Any]) -> dict[str, str]:
    low, high = record["accuracy_95"]
    ece_low, ece_high = record["ece_95"]
    rows = {
        "right": f"{record['right']}/{record['photos']}, {record['accuracy']:.1%} ({low:.1%}-{high:.1%})",
        "calibration error": f"{record['ece']:.3f} ({ece_low:.3f}-{ece_high:.3f})",
        "log loss": f"{record['log_loss']:.3f}",
        "certain": _share(record["certain"]),
        "right of the certain": _share(record["right_of_certain"]),
    }
    if same := record.get("agreement"):
        rows["as the first model"] = f"{_share(same)}, scores differ by up to {same['largest_difference']:.3f}"
    if other := record.get("other"):
        low, high = other["auroc_95"]
        rows["AUROC, other pictures"] = f"{other['auroc']:.3f} ({low:.3f}-{high:.3f})"
        rows["other, yet certain"] = f"{other['certain']}/{other['pictures']}"
    return rows


def _share(part: dict[str, Any]) -> str:
    if part["share"] is None:
        return "none"
    low, high = part["share_95"]
    return f"{part['count']}/{part['of']}, {part['share']:.1%} ({low:.1%}-{high:.1%})"
