"""The pictures and the table people look at, in the run folder."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edge_infer.pictures.loading import load_rgb
from train.results.elsewhere import elsewhere_lines, stranger_lines
from train.results.lettering import lettering_for
from train.runs.folder import CONFUSION, CURVES, EXAMPLES, RunFolder

_BLUE, _ORANGE, _GREY = "#1f6fb4", "#d9730d", "#6b6b6b"
_EXAMPLES_SHOWN = 20
_DPI = 110


@dataclass(frozen=True, slots=True)
class Example:
    """One test photo and the network's answer to it."""

    path: Path
    label: str
    answer: str
    score: float


def write_report(
    run: RunFolder,
    page: str,
    metrics: dict[str, Any],
    examples: list[Example],
    history: dict[str, list[float]] | None = None,
) -> None:
    """Write the report's page, confusion matrices, example predictions and, of what was trained, curves.

    Args:
        run: The run folder.
        page: The page.
        metrics: What the network is worth.
        examples: Its answers to test photos.
        history: Loss and accuracy while training.
    """
    with lettering_for(metrics["labels"]) as shown:
        labels = [shown(label) for label in metrics["labels"]]
        named = [replace(example, label=shown(example.label), answer=shown(example.answer)) for example in examples]
        figures = {
            CONFUSION.format(part=part): draw_confusion(metrics[part], labels, part) for part in ("validation", "test")
        }
        figures[EXAMPLES] = draw_examples(named)
        if history is not None:
            figures[CURVES] = draw_curves(history, metrics["recipe"])
        pictures = {name: partial(figure.savefig, dpi=_DPI) for name, figure in figures.items()}
        run.write_report(page, pictures)


def draw_curves(history: dict[str, list[float]], title: str) -> Figure:
    """Draw loss and accuracy, training and validation, by epoch or by solver iteration.

    A slim network was distilled, without labels: it has a loss by round and no more.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    names = [name for name in ("loss", "accuracy") if name in history]
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    is_solved, is_distilled = "iterations" in history, "accuracy" not in history
    steps = history["iterations"] if is_solved else np.arange(1, len(history["loss"]) + 1)
    for axis, name in zip(axes, names, strict=True):
        axis.plot(steps, history[name], color=_BLUE, label="training")
        if not is_distilled:
            axis.plot(steps, history[f"val_{name}"], color=_ORANGE, label="validation")
        if f"rescaled_val_{name}" in history:
            axis.plot(steps, history[f"rescaled_val_{name}"], color=_GREY, label="validation, rescaled")
        axis.set(ylabel=name, xlabel="solver iteration" if is_solved else "round" if is_distilled else "epoch")
        if is_solved:
            axis.set_xscale("log", base=2)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        axis.set_ylim(0, 1.02 if name == "accuracy" else None)
    return figure


def draw_confusion(part: dict[str, Any], labels: list[str], name: str) -> Figure:
    """Draw a confusion matrix: rows are the truth, columns the answers."""
    counts = np.asarray(part["confusion"])
    side = 2.4 + 0.42 * len(labels)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axis: Axes = figure.subplots()
    axis.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = counts[row, column] / counts[row].sum()
        axis.text(column, row, counts[row, column], ha="center", va="center", color="white" if share > 0.5 else "black")
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="answer", ylabel="truth", title=f"{name}: {part['right']} of {part['photos']} right")
    return figure


def draw_examples(examples: list[Example]) -> Figure:
    """Draw test photos with their answers, the wrong and the doubtful ones first."""
    shown = sorted(examples, key=lambda e: (e.label == e.answer, e.score))[:_EXAMPLES_SHOWN]
    columns = 5
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(2.1 * columns, 2.4 * rows), layout="constrained")
    for axis, example in zip(figure.subplots(rows, columns, squeeze=False).flat, shown, strict=False):
        axis.imshow(load_rgb(example.path, needed_side=200))
        is_right = example.label == example.answer
        text = example.answer if is_right else f"{example.answer}\n(is {example.label})"
        axis.set_title(f"{text} {example.score:.0%}", fontsize=8, color="black" if is_right else "#b00020")
    for axis in figure.axes:
        axis.set_axis_off()
    return figure


def to_markdown(metrics: dict[str, Any]) -> str:
    """Return the metrics as a page: summary, then precision, recall, F1 and support a class."""
    lines = [f"# {metrics['recipe']} ({metrics['preprocessing']} preprocessing)", ""]
    split = metrics["split"]
    if metrics.get("elsewhere"):
        lines += elsewhere_lines(metrics["elsewhere"])
    if metrics.get("strangers"):
        lines += stranger_lines(metrics["strangers"])
    lines += [
        f"{metrics['parameters']:,} parameters; {split['train']} photos for training, {split['validation']} for "
        f"validation, {split['test']} for test, {split['excluded']} left out: duplicates of test photos, or a picture "
        "under two labels.",
        "",
        "| part | right | accuracy | 95 % interval | log loss | ECE |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("validation", "test"):
        part = metrics[name]
        low, high = part["accuracy_95"]
        lines.append(
            f"| {name} | {part['right']}/{part['photos']} | {part['accuracy']:.1%} | {low:.1%}-{high:.1%} "
            f"| {part['log_loss']:.3f} | {part['ece']:.3f} |"
        )
    lines += ["", *_kfold_lines("network", metrics["kfold"])]
    baseline = metrics["logistic_regression"]
    lines += [
        *_kfold_lines("logistic regression on pooled features", baseline["kfold"]),
        f"- logistic regression, test: {baseline['test']['right']}/{baseline['test']['photos']}",
    ]
    calibration = metrics["calibration"]
    known = f", or with a `known` below {calibration['min_known']:.3f}," if "min_known" in calibration else ""
    lines.append(
        f"- calibrated on held-out answers: temperature {calibration['temperature']:.3f}, ECE "
        f"{calibration['ece_before']:.3f} before and {calibration['ece_after']:.3f} after; "
        f"answers below {calibration['min_score']:.3f}{known} count as uncertain"
    )
    for part in ("validation", "test"):
        lines += ["", f"## {part}", "", "| class | precision | recall | F1 | support |", "|---|---|---|---|---|"]
        for label in metrics["labels"]:
            row = metrics[part]["per_class"][label]
            shares = " | ".join(f"{row[name]:.3f}" for name in ("precision", "recall", "f1-score"))
            lines.append(f"| {label} | {shares} | {row['support']:.0f} |")
    return "\n".join(lines) + "\n"


def _kfold_lines(name: str, kfold: dict[str, Any] | None) -> list[str]:
    if kfold is None:
        return []
    low, high = kfold["mean_accuracy_95"]
    return [
        f"- {name}, {kfold['repeats']}x{kfold['folds']} grouped k-fold: "
        f"{kfold['mean_accuracy']:.2%} (95 % interval {low:.1%}-{high:.1%})"
    ]
