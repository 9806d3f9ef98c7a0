"""Write the table of other processors in docs/reliability.md from benchmarks/results/other_cpus.json.

python -m benchmarks.pages.other_cpus
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from train.files import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "other_cpus.json"
PAGE = ROOT / "docs" / "reliability.md"


def other_cpus_table(result: dict[str, Any]) -> str:
    """Return, for every processor and model, how far its answers are from those of the measuring machine."""
    rows = []
    for model, found in result["models"].items():
        for cpu, record in found["cpus"].items():
            golden = f"{record['golden_difference']:.3f}{'' if record['golden_ok'] else ', refused'}"
            same = f"{record['same_top1']}/{found['pictures']}"
            rows.append((cpu, model, golden, same, f"{record['largest_difference']:.2g}"))
    head = ("processor", "model", "golden answers, largest difference", "same answers", "photos, largest difference")
    return table(head, rows)


def main() -> None:
    """Fill the page's table."""
    fill(PAGE, {"other-cpus": other_cpus_table(read_json(RESULTS))})


if __name__ == "__main__":
    main()
