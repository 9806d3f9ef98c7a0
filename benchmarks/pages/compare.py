"""Write the tables of runtimes in docs/benchmarks.md from benchmarks/results/compare/TASK.json.

python -m benchmarks.pages.compare
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from benchmarks.runtimes.compare_table import comparison_rows
from train.files import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "compare"
PAGE = ROOT / "docs" / "benchmarks.md"


def comparison_table(result: dict[str, Any]) -> str:
    """Return a task's runtimes side by side; what was left out comes last."""
    head, *rows = comparison_rows(result)
    left_out = [(name, f"not measured: {why}", *[""] * (len(head) - 2)) for name, why in result["not_measured"].items()]
    return table(head, [*rows, *left_out])


def main() -> None:
    """Fill the page's tables of the tasks that have been measured."""
    fill(PAGE, {f"compare-{path.stem}": comparison_table(read_json(path)) for path in RESULTS.glob("*.json")})


if __name__ == "__main__":
    main()
