"""EfficientNet-Lite0 beside our networks: how right, how large, how fast."""

from typing import Any

from benchmarks.pages.tables.markdown import table
from benchmarks.rival.row_names import BUNDLED, FULL_NETWORK, SLIM_NETWORK


def rival_table(right: dict[str, Any], fast: dict[str, Any]) -> str:
    """Return a row for each file, and above the bundled one a row for its base, which has heads of its own here.

    Args:
        right: What `python -m benchmarks.rival.accuracy` wrote.
        fast: What `python -m benchmarks.rival.speed` wrote.
    """
    head = ("network", "elsewhere", "own k-fold", "test", "size", "1 thread", "2 threads")
    names = [above for name in fast["rows"] for above in ((SLIM_NETWORK, name) if name == BUNDLED else (name,))]
    rows = [(name, *_accuracy(right["rows"].get(name)), *_costs(fast["rows"].get(name))) for name in names]
    return table(head, rows)


def lead_table(right: dict[str, Any]) -> str:
    """Return how far our networks are ahead of each of the rival's on photos from elsewhere."""
    rows = [
        (name, *(_points(row["ours_less_this"][ours]) for ours in (FULL_NETWORK, SLIM_NETWORK)))
        for name, row in right["rows"].items()
        if "ours_less_this" in row
    ]
    return table(("ahead of", FULL_NETWORK, SLIM_NETWORK), rows)


def ratio_table(fast: dict[str, Any]) -> str:
    """Return how many times as fast as each of the rival's files the bundled network is; below 1, it is slower."""
    others = [name for name in fast["rows"] if name != BUNDLED]
    rows = []
    for name in others:
        ratios = (fast["rows"][name]["threads"][count]["times"][BUNDLED] for count in ("1", "2"))
        rows.append((name, *(f"{of['ratio']:.2f} ({of['ratio_95'][0]:.2f}-{of['ratio_95'][1]:.2f})" for of in ratios)))
    return table((f"{BUNDLED}, times as fast as", "1 thread", "2 threads"), rows)


def _accuracy(row: dict[str, Any] | None) -> tuple[str, str, str]:
    if row is None:
        return "", "", ""
    low, high = row["elsewhere_95"]
    return (
        f"{row['elsewhere']:.1%} ({low:.0%}-{high:.0%})",
        f"{row['own']:.1%}",
        f"{row['test']['right']}/{row['test']['photos']}",
    )


def _costs(row: dict[str, Any] | None) -> tuple[str, str, str]:
    if row is None:
        return "", "", ""
    one, two = (f"{row['threads'][count]['ms']['p50']:.1f} ms" for count in ("1", "2"))
    return f"{row['bytes'] / 1e6:.1f} MB", one, two


def _points(ahead: dict[str, Any]) -> str:
    low, high = ahead["difference_95"]
    return f"{ahead['difference'] * 100:.1f} points ({low * 100:.1f} to {high * 100:.1f})"
