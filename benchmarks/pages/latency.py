"""Write the table of latencies in docs/benchmarks.md from benchmarks/results/latency.json.

python -m benchmarks.pages.latency
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from benchmarks.speed.verdicts import Figure, ratios
from train.files import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "latency.json"
PAGE = ROOT / "docs" / "benchmarks.md"


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
        value = "not measured" if figure.value is None else f"{figure.value:.2f}"
        rows.append((figure.name, value, _bound(figure), holds))
    return table(("what", "measured", "must be", "holds"), rows)


def _bound(figure: Figure) -> str:
    bounds = [f"at least {figure.lowest:g}"] if figure.lowest is not None else []
    bounds += [f"at most {figure.highest:g}"] if figure.highest is not None else []
    return ", ".join(bounds)


def main() -> None:
    """Fill the page's table."""
    fill(PAGE, {"latency": latency_table(read_json(RESULTS)["models"])})


if __name__ == "__main__":
    main()
