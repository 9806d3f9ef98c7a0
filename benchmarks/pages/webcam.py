"""Write the table of the live feed in docs/benchmarks.md from benchmarks/results/webcam.json.

python -m benchmarks.pages.webcam
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from benchmarks.webcam.measure import RESULTS, verdicts
from train.files import read_json

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def webcam_table(result: dict[str, Any]) -> str:
    """Return what was measured beside what must hold."""
    rows = [(what, f"{value:g}", bound, "yes" if holds else "no") for what, value, bound, holds in verdicts(result)]
    return table(("what", "measured", "must be", "holds"), rows)


def main() -> None:
    """Fill the page's table."""
    fill(PAGE, {"webcam": webcam_table(read_json(RESULTS)["parts"])})


if __name__ == "__main__":
    main()
