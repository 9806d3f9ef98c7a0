"""What `python benchmarks/latency.py` has measured."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.speed.latency_table import MISSING, bound_text
from benchmarks.speed.verdicts import ratios


def latency_table(models: dict[str, Any]) -> str:
    """Return each model's times, and below them the ratios with their bounds."""
    rows = []
    for name, model in models.items():
        for threads, measured in model["threads"].items():
            ms = measured["classify_ms"]
            what = f"{name}: p50 (p90, p99), {threads} thread{'' if threads == '1' else 's'}"
            rows.append((what, f"{ms['p50']:.1f} ms ({ms['p90']:.1f}, {ms['p99']:.1f})", "", ""))
        rows.append((f"{name}: whole process", f"{model['cold_start']['classify_ms']['p50']:.0f} ms", "", ""))
        rows.append((f"{name}: folder", f"{model['folder']['photos_a_second']['classify_many']:.0f} photos/s", "", ""))
    for figure in ratios(models):
        holds = {True: "yes", False: "no", None: ""}[figure.holds]
        value = MISSING if figure.value is None else f"{figure.value:.2f}"
        rows.append((figure.name, value, bound_text(figure), holds))
    return table(("what", "measured", "must be", "holds"), rows)
