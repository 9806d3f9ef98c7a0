"""Generated blocks in Markdown pages, each below a marker that names it.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`, a help text in the fence below
`<!-- help: COMMAND -->`. A block may stand on any page.
"""

import re
from collections.abc import Mapping

_BLOCKS = (
    # A block that is never ended must not reach to the end of the next one.
    re.compile(r"(?P<marker><!-- (?P<name>table: \S+) -->\n)(?:(?!<!--).)*(?=<!-- end of table -->)", re.DOTALL),
    re.compile(r"(?P<marker><!-- (?P<name>help: [^\n]+?) -->\n)```\n.*?```\n", re.DOTALL),
)


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with the named blocks replaced; all else stays as it is.

    Args:
        page: Its text.
        blocks: By what the marker says, such as `table: latency` or `help: edge-infer classify`.
    """
    for pattern in _BLOCKS:
        page = pattern.sub(
            lambda found: found["marker"] + blocks[found["name"]] if found["name"] in blocks else found[0], page
        )
    return page


def names(page: str) -> list[str]:
    """Return what the markers of a page's blocks say."""
    return [found["name"] for pattern in _BLOCKS for found in pattern.finditer(page)]
