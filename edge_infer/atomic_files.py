"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it into place.

    A device, such as `/dev/stdout`, is written to as it is.

    Args:
        path: Where the file will be; its folder is made if it does not exist.
        write: Writes the file whose path it is given.

    Raises:
        OSError: A folder or file cannot be written. Whatever `write` raises passes through, too, and
            leaves what was at `path`.
    """
    if path.exists() and not path.is_file():
        write(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keras decides by the whole suffix (`.weights.h5`), so the name grows in front.
    unfinished = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
