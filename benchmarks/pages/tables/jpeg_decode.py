"""What `python -m benchmarks.speed.jpeg_decode` has measured."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.speed.jpeg_decode import MAX_RATIO


def jpeg_decode_table(result: dict[str, Any]) -> str:
    """Return what decoding a large JPEG costs in full and at reduced scale, and what the ratio must be."""
    rows = [
        (name, f"{ms['p50']:.1f} ms", f"{ms['p25']:.1f}-{ms['p75']:.1f} ms")
        for name, ms in (("every pixel", result["full_ms"]), ("reduced", result["reduced_ms"]))
    ]
    head = ("decode and resize to 224x224", "p50", "p25-p75")
    return table(head, [*rows, ("**ratio**", f"**{result['ratio']:.2f}** (bound {MAX_RATIO})", "")])
