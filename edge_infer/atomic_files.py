"""Files that are written whole or not at all."""

import errno
import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

UNFINISHED = ".unfinished-"  # how the names of files begin that are being written, or were left by a killed writer


def write_atomic(path: Path, write: Callable[[Path], object], *, durable: bool = True) -> None:
    """Let `write` fill a temporary file beside `path`, then move it into place.

    A device, such as `/dev/stdout`, is written to as it is.

    Args:
        path: Where the file will be; its folder is made if it does not exist.
        write: Writes the file whose path it is given.
        durable: Wait until the disk has it, so that a power cut leaves it whole, too. Takes milliseconds.

    Raises:
        OSError: A folder or file cannot be written. Whatever `write` raises passes through, too, and
            leaves what was at `path`.
    """
    if path.exists() and not path.is_file():
        write(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keras decides by the whole suffix (`.weights.h5`), so the name grows in front.
    # On a shared disk two machines may write at once, and their processes may have the same number.
    unfinished = path.with_name(f"{UNFINISHED}{os.urandom(4).hex()}-{path.name}")
    try:
        write(unfinished)
        if durable:
            _wait_for_disk(unfinished)
        unfinished.replace(path)
        if durable:
            _wait_for_disk(path.parent)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _wait_for_disk(path: Path) -> None:
    """Return once the disk has a file's content or, as far as the system tells, which files a folder holds."""
    is_folder = path.is_dir()
    # Windows opens no folders, and a user may write into one without being allowed to read it.
    with suppress(OSError) if is_folder else nullcontext():
        number = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(number)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks know no such thing
                raise
        finally:
            os.close(number)
