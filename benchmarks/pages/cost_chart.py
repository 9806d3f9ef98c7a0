"""The chart on README's first screen: what the full networks cost, and what the bundled ones do."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.runtimes.compare_table import timing_of
from benchmarks.runtimes.row_names import EDGE_INFER_INT8, ONNX_FP32

# Told apart by lightness too, for those who see no colours (Okabe & Ito's blue, and a light grey).
_FULL, _BUNDLED, _INK = "#b4b4b4", "#0072b2", "#24292f"
_ROW_GAP, _TASK_GAP = 0.95, 1.25
_ROOM_FOR_VALUES = 1.4  # of the longest bar


def draw_costs(compared: Mapping[str, dict[str, Any]]) -> Figure:
    """Draw each task's file in MB and time of one photo in ms on one thread, full in fp32 and bundled.

    The full network is timed bare in onnxruntime, the bundled one with all that `classify` does.

    Args:
        compared: Results of benchmarks/compare.py by task.
    """
    margin = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12)  # it is a white card on a page that may be dark
    figure = Figure(figsize=(6, 2.3), facecolor="white", layout=margin)
    sizes, times = figure.subplots(1, 2, sharey=True)
    places, labels = [], []
    for number, (task, result) in enumerate(compared.items()):
        upper = -number * (_ROW_GAP + _TASK_GAP)
        places += [upper, upper - _ROW_GAP]
        labels += [f"{task}: VGG16 in fp32", f"{task}: bundled, int8"]
        megabytes = [result["files"][name]["bytes"] / 1e6 for name in ("full fp32", "slim int8")]
        full, bundled = (timing_of(result["rows"][name], 1, result) or {} for name in (ONNX_FP32, EDGE_INFER_INT8))
        milliseconds = [full["ms"]["p50"], bundled["ms"]["p50"]]
        _draw_pair(sizes, places[-2:], megabytes, f"{megabytes[0] / megabytes[1]:.0f}x smaller")
        _draw_pair(times, places[-2:], milliseconds, f"{bundled['times_onnx_fp32']['ratio']:.0f}x faster")
    sizes.set_yticks(places, labels)
    for axes, title in ((sizes, "model file, MB"), (times, "one photo, one thread, ms")):
        axes.set_title(title, fontsize=10, loc="left", color=_INK)
        axes.set_xlim(0, _ROOM_FOR_VALUES * max(bar.get_width() for bar in axes.patches))
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0, labelsize=10, labelcolor=_INK)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.spines["left"].set_color(_INK)
    return figure


def _draw_pair(axes: Axes, places: list[float], values: list[float], gain: str) -> None:
    """Draw the full network's bar above the bundled one's, each with its value."""
    axes.barh(places, values, height=0.8, color=[_FULL, _BUNDLED])
    full, bundled = (f" {value:.1f}" for value in values)
    axes.text(values[0], places[0], full, va="center", fontsize=10, color=_INK)
    axes.text(values[1], places[1], f"{bundled}  {gain}", va="center", fontsize=10, color=_BUNDLED, weight="bold")
