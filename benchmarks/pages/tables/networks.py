"""A task's networks, from Keras to slim int8: how right they are, and what they cost."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.runtimes.compare_table import timing_of

# A task's networks: what the tables call them, and the results of model_quality and of compare.
NETWORKS = (
    ("Keras", "full, Keras", "Keras predict"),
    ("ONNX fp32", "full, fp32", "ONNX Runtime fp32"),
    ("ONNX int8", "full, int8", "ONNX Runtime int8"),
    ("slim, ONNX fp32", "slim, fp32", "ONNX Runtime fp32, slim"),
    ("slim, ONNX int8", "slim, int8", "ONNX Runtime int8, slim"),
)


def quality_table(quality: dict[str, Any]) -> str:
    """Return how right a task's networks are, and how alike the full one in Keras."""
    head = ("network", "test", "5x5 grouped k-fold", "as Keras, held out", "as Keras, other pictures", "ECE", "AUROC")
    rows = []
    for name, key, _ in NETWORKS:
        row = quality["rows"][key]
        low, high = row["kfold"]["mean_accuracy_95"]
        rows.append(
            (
                name,
                f"{row['test']['right']}/{row['test']['photos']}, {_share(row['test'])}",
                f"{row['kfold']['mean_accuracy']:.1%} ({low:.1%}-{high:.1%})",
                f"{row['agreement_held_out']['share']:.1%}",
                _same(row["other"]["agreement"]) if "other" in row else "not measured",
                f"{row['ece_held_out']:.3f}",
                _auroc(row["off_task"]) if "off_task" in row else "not measured",
            )
        )
    return table(head, rows)


def cost_table(quality: dict[str, Any], compared: dict[str, Any]) -> str:
    """Return what a task's networks cost; ratios say how many times faster one is."""
    head = ["network", "MACs", "parameters", "file"]
    for count in compared["threads"]:
        head += [f"{count} thread{'' if count == 1 else 's'}, x Keras", "x ONNX fp32"]
    rows = []
    for name, key, runtime in NETWORKS:
        size, cells = quality["rows"][key], []
        for count in compared["threads"]:
            timing = timing_of(compared["rows"][runtime], count, compared) or {}
            cells += [_ratio(timing.get("times_keras")), _ratio(timing.get("times_onnx_fp32"))]
        file = "" if size["bytes"] is None else f"{size['bytes'] / 1e6:.2f} MB"
        rows.append((name, f"{size['macs'] / 1e9:.2f} G", f"{size['parameters'] / 1e6:.2f} M", file, *cells))
    return table(head, rows)


def _same(part: dict[str, Any]) -> str:
    return f"{part['count']}/{part['of']}, {part['share']:.1%}"


def _auroc(part: dict[str, Any]) -> str:
    low, high = part["auroc_95"]
    return f"{part['auroc']:.3f} ({low:.3f}-{high:.3f})"


def _ratio(ratio: dict[str, Any] | None) -> str:
    return "" if ratio is None else f"{ratio['ratio']:.3g}"


def _share(part: dict[str, Any]) -> str:
    low, high = part["accuracy_95"]
    return f"{part['accuracy']:.1%} ({low:.1%}-{high:.1%})"
