"""Names in the order people number them: frame 2 before frame 10."""

import re
from pathlib import Path

_NUMBER = re.compile(r"[0-9]+")
_END, _BEGIN = "\0", "\1"  # of a folder's name, of a number: both sort before anything that a name holds


def natural_key(path: str) -> tuple[str, str]:
    """Return what to sort file names or paths by: numbers in them by their value, folder by folder.

    Args:
        path: A name or path. Its suffix counts last, so that `a.jpg` comes before `a-2.jpg`.

    Example:
        >>> sorted(["frame_10.png", "frame_9.png"], key=natural_key)
        ['frame_9.png', 'frame_10.png']
    """
    where = Path(path)
    return _END.join(map(_sortable, (*where.parent.parts, where.stem))), path


def _sortable(name: str) -> str:
    """Write each number with its length before its digits, which sorts by value however many there are."""
    return _NUMBER.sub(lambda number: _number(number[0].lstrip("0")), name)


def _number(digits: str) -> str:
    return f"{_BEGIN}{chr(len(digits))}{digits}"
