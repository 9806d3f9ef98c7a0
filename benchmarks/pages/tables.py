"""Tables in the docs, written between `<!-- table: name -->` and `<!-- end of table -->`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_BLOCK = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def fill(page: Path, tables: Mapping[str, str]) -> None:
    """Replace the named tables of a page; others stay as they are."""
    text = page.read_text(encoding="utf-8")
    filled = _BLOCK.sub(lambda match: match[1] + tables[match["name"]] if match["name"] in tables else match[0], text)
    page.write_text(filled, encoding="utf-8")
