"""Where pictures and answers lie: local paths, and addresses such as `s3://bucket/folder` by pyarrow's file systems.

An address is a scheme, `://`, and the object's own name: nothing in it is escaped. How to reach a store, its
credentials and its region come from the environment, as the store's own tools read them.
"""

import os
import re
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from pyarrow import fs

from edge_infer.atomic_files import UNFINISHED, write_atomic
from edge_infer.errors import OutputError, StorageError

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<host>[^/]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_LEFT_S = 3600.0  # no file takes so long to write


def is_address(name: str) -> bool:
    """Return whether a name is an address, not a local path."""
    return _ADDRESS.match(name) is not None


def join(folder: str, name: str) -> str:
    """Return the path or address of what lies in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_address(folder) else str(Path(folder) / name)


def read_bytes(address: str, max_bytes: int | None = None) -> bytes:
    """Read an object or a file.

    Args:
        address: Of an object, or a local path.
        max_bytes: Read at most one byte more than this; None for everything.

    Raises:
        OSError: The file does not exist or cannot be read.
    """
    filesystem, path = locate(address)
    with filesystem.open_input_stream(path) as stream:
        data: bytes = stream.read() if max_bytes is None else stream.read(max_bytes + 1)
    return data


def write_whole(address: str, data: bytes) -> None:
    """Write a file or an object that is there whole or not at all.

    A local file gets its name when it is written; an object store shows an object once it has all of it.

    Raises:
        OutputError: It cannot be written; nothing is left of it.
    """
    try:
        if is_address(address):
            _put(address, data)
        else:
            write_atomic(Path(address), lambda path: path.write_bytes(data))
    except OSError as error:
        raise OutputError(f"{address} cannot be written: {reason(error)}") from error


def remove_unfinished(folder: str) -> None:
    """Remove what killed writers left in a local folder; what is younger, another run may be writing."""
    if not is_address(folder):
        for path in Path(folder).glob(f"{UNFINISHED}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_S:
                    path.unlink()


def files_below(address: str, *, recursive: bool) -> list[str]:
    """Return the addresses or paths of the files in a folder, in no particular order; none if it does not exist.

    Raises:
        OSError: It cannot be listed.
    """
    filesystem, path = locate(address)
    path = path.rstrip("/")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=recursive))
    return [join(address, info.path[len(path) + 1 :]) for info in found if info.type == fs.FileType.File]


def is_file(address: str) -> bool:
    """Return whether an address or path names a file.

    Raises:
        OSError: The store cannot be asked.
    """
    filesystem, path = locate(address)
    return bool(filesystem.get_file_info(path).type == fs.FileType.File)


def locate(address: str) -> tuple[fs.FileSystem, str]:
    """Return an address's file system and its path there.

    Raises:
        StorageError: pyarrow knows no such file system, or cannot reach it; or the address holds credentials.
    """
    parts = _ADDRESS.match(address)
    if parts is None:
        return fs.LocalFileSystem(), os.path.abspath(address)  # noqa: PTH100  # a glob's `**` stays as it is
    refuse_credentials(address)
    filesystem, base = _filesystem(parts["scheme"].lower(), parts["host"])
    return filesystem, base + parts["rest"]


def refuse_credentials(name: str) -> None:
    """Refuse an address with a password in it.

    Raises:
        StorageError: It holds one.
    """
    parts = _ADDRESS.match(name)
    if parts is not None and ":" in parts["host"].rpartition("@")[0]:  # Azure's are container@account
        raise StorageError(
            f"{parts['scheme']}://… holds a password, which every answer would show: "
            "put it into the environment instead"
        )


def reason(error: Exception) -> str:
    """Return in a few words why a file or store cannot be used."""
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    # pyarrow's OSError has an errno, but its text is more than that errno's.
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0] if text else type(error).__name__


@cache
def _filesystem(scheme: str, host: str) -> tuple[fs.FileSystem, str]:
    """Return a file system, and what its paths begin with: a store's bucket."""
    try:
        filesystem, path = fs.FileSystem.from_uri(f"{scheme}://{host}/")
    except (OSError, ValueError, NotImplementedError) as error:
        raise StorageError(f"{scheme}://{host} cannot be used: {reason(error)}") from error
    return filesystem, path.rstrip("/")


def _put(address: str, data: bytes) -> None:
    filesystem, path = locate(address)
    if filesystem.type_name == "hdfs":  # a file system: it shows what is being written
        folder, _, name = path.rpartition("/")
        unfinished = f"{folder}/{UNFINISHED}{uuid.uuid4().hex}-{name}"
        filesystem.create_dir(folder)
        try:
            with filesystem.open_output_stream(unfinished) as stream:
                stream.write(data)
            filesystem.move(unfinished, path)
        except OSError:
            with suppress(OSError):
                filesystem.delete_file(unfinished)
            raise
        return
    with filesystem.open_output_stream(path) as stream:
        stream.write(data)
    if filesystem.get_file_info(path).size != len(data):
        raise OSError("the store holds only a part of it")
