"""Text tables for the terminal: records side by side, a line for each of their fields."""

from collections.abc import Mapping, Sequence


def side_by_side(columns: Sequence[Mapping[str, str]]) -> str:
    """Return records as aligned text, fields in the order in which they first appear."""
    rows = list(dict.fromkeys(name for column in columns for name in column))
    margin = max(map(len, rows)) + len(":  ")
    widths = [max(map(len, column.values())) for column in columns]
    lines = []
    for row in rows:
        cells = [column.get(row, "").ljust(width) for column, width in zip(columns, widths, strict=True)]
        lines.append(f"{row + ':':<{margin}}{'  '.join(cells)}".rstrip())
    return "\n".join(lines)
