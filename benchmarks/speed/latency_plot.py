"""The result of benchmarks/latency.py as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.machine import NotMeasuredError

if TYPE_CHECKING:  # matplotlib may be missing
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
STAGES = ("decode", "resize", "faces", "infer", "post_process")


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Draw a result and write it as a picture.

    Raises:
        NotMeasuredError: matplotlib is not installed, or there is nothing to draw.
        OSError: The file cannot be written.
    """
    figure = draw_latency(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def draw_latency(result: Mapping[str, Any]) -> "Figure":
    """Draw, for each measured model: the stages of an answer, the p50 by threads, photos a second by batch size.

    Raises:
        NotMeasuredError: matplotlib is not installed, or there is nothing to draw.
    """
    models = {name: model for name, model in result["models"].items() if model["threads"] and model["stages"]}
    if not models:
        raise NotMeasuredError("no model was measured")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NotMeasuredError("matplotlib is not installed") from error
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    stages, threads, batches = figure.subplots(1, 3)
    for name, model in models.items():
        _stack(stages, name, model["stages"])
        counts = list(model["threads"])
        for key, label in (("classify_ms", "classify"), ("session_run_ms", "session.run")):
            summaries = [model["threads"][count][key] for count in counts]
            middle = [summary["p50"] for summary in summaries]
            spread = [[abs(summary["p50"] - summary[end]) for summary in summaries] for end in ("p25", "p75")]
            threads.errorbar(counts, middle, yerr=spread, marker="o", capsize=3, label=f"{name}, {label}")
        if model["batches"]:
            batches.plot(list(model["batches"]), list(model["batches"].values()), marker="o", label=name)
    stages.set(title="stages of an answer, p50", ylabel="ms")
    threads.set(title="p50 and quartiles", xlabel="threads", ylabel="ms", ylim=(0, None))
    batches.set(title="bare network", xlabel="batch", ylabel="photos a second", ylim=(0, None))
    stages.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))  # beside the bars, not on them
    for axes in (threads, batches):
        axes.legend(fontsize="small")
    figure.suptitle(f"{result['machine']['cpu'] or 'unknown processor'}, {result['machine']['cores']} cores")
    return figure


def _stack(axes: "Axes", name: str, stages: Mapping[str, Any]) -> None:
    """Draw the stages of one model on top of each other."""
    bottom = 0.0
    for number, stage in enumerate(STAGES):
        if f"{stage}_ms" not in stages:
            continue
        height, label = stages[f"{stage}_ms"]["p50"], stage.replace("_", "-")
        has_label = label in axes.get_legend_handles_labels()[1]
        axes.bar(name, height, bottom=bottom, color=f"C{number}", label=None if has_label else label)
        bottom += height
