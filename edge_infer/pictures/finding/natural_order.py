"""Names in the order people number them: frame 2 before frame 10."""

import re
from pathlib import Path

_NUMBER = re.compile(r"([0-9]+)")

NaturalKey = tuple[list[list[str | tuple[int, str]]], str]


def natural_key(path: str) -> NaturalKey:
    """Return what to sort file names or paths by: numbers in them by their value, folder by folder.

    Args:
        path: A name or path. Its suffix counts last, so that `a.jpg` comes before `a-2.jpg`.

    Example:
        >>> sorted(["frame_10.png", "frame_9.png"], key=natural_key)
        ['frame_9.png', 'frame_10.png']
    """
    where = Path(path)
    return [_chunks(name) for name in (*where.parent.parts, where.stem)], path


def _chunks(name: str) -> list[str | tuple[int, str]]:
    """Split a name into text and numbers, by turns."""
    # A number's length and digits, since Python converts none of thousands of digits.
    return [
        (len(digits := chunk.lstrip("0")), digits) if place % 2 else chunk
        for place, chunk in enumerate(_NUMBER.split(name))
    ]
