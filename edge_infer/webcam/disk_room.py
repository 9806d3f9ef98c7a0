"""How much more a file can hold: OpenCV's writer does not say when it cannot write."""

import os
import shutil
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_LARGEST_BYTES = {"vfat": 2**32 - 1, "msdos": 2**32 - 1}  # of a file, as on most memory sticks and cards


class DiskRoom:
    """What is left for a file that grows.

    Args:
        path: The file.

    Raises:
        OSError: It is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._largest_bytes = min(_process_limit(), _LARGEST_BYTES.get(_file_system(path), 2**63))

    def shortage(self, needed_bytes: int) -> str | None:
        """Return what keeps the file from growing by so many bytes; None if nothing does.

        Raises:
            OSError: It is not there any more.
        """
        if self._largest_bytes - self._path.stat().st_size < needed_bytes:
            return "no file may be larger here"
        return "its disk is full" if shutil.disk_usage(self._path.parent).free < needed_bytes else None


def _process_limit() -> int:
    """Return how large a file this process may write, bytes (`ulimit -f`)."""
    try:
        import resource
    except ImportError:  # Windows
        return 2**63
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return 2**63 if soft == resource.RLIM_INFINITY else soft


def _file_system(path: Path) -> str:
    """Return the kind of file system a file is on, as Linux names it; empty elsewhere."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:  # 36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda rw
        mount, _, system = line.partition(" - ")
        if mount.split()[2] == number:
            return system.split()[0]
    return ""
