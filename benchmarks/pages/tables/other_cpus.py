"""What `python -m benchmarks.processors.other_cpus` has measured."""

from typing import Any

from benchmarks.pages.tables.markdown import table


def other_cpus_table(result: dict[str, Any]) -> str:
    """Return, for every processor and model, how far its answers are from those of the measuring machine."""
    rows = []
    for model, found in result["models"].items():
        weights = "fp32" if found["weight_bits"] is None else f"{found['weight_bits']} bits"
        for cpu, record in found["cpus"].items():
            golden = f"{record['golden_difference']:.3f}{'' if record['golden_ok'] else ', refused'}"
            same = f"{record['same_top1']}/{found['pictures']}"
            rows.append((cpu, model, weights, golden, same, f"{record['largest_difference']:.2g}"))
    differences = ("golden answers, largest difference", "same answers", "photos, largest difference")
    return table(("processor", "model", "weights", *differences), rows)
