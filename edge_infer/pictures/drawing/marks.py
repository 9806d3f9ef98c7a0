"""How a copy that was drawn on is told from a photo: by its name, and by a comment in the file."""

import re
from pathlib import Path

_NAME = re.compile(r"-(annotated|explained)(-\d+)?\.jpg$")
_HEAD_BYTES = 256  # the comment follows the header of 20 bytes


def mark_of(kind: str) -> bytes:
    """Return the comment of a copy of this kind: `annotated` or `explained`."""
    return f"{kind} by edge-infer".encode()


def is_drawn_copy(path: str) -> bool:
    """Return whether a file is such a copy; only those of such a name are looked into."""
    found = _NAME.search(path)
    try:
        if found is None or not Path(path).is_file():  # opening a pipe would wait for its writer
            return False
        with Path(path).open("rb") as file:
            return mark_of(found[1]) in file.read(_HEAD_BYTES)
    except OSError:  # said where it is opened as a picture
        return False
