"""From whatever a caller calls a picture to a file's bytes, within limits."""

import errno
import io
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from edge_infer.errors import (
    ImageDecodeError,
    ImageNotFoundError,
    ImageTooLargeError,
    InputError,
    UnsupportedImageError,
)

HEAD_BYTES = 512
_PIECE_BYTES = 1 << 20  # of a stream that does not say how much there is
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_ACCEPTED = "give a path, bytes, a binary file object, a PIL image or a uint8 RGB array"


def read_file(source: object, max_bytes: int, is_picture: Callable[[bytes], bool]) -> tuple[str, bytes]:
    """Read a picture's file.

    Args:
        source: A path, the bytes of a file, or a binary file object (read from its start, left open).
        max_bytes: Refuse larger files.
        is_picture: Says by the first `HEAD_BYTES` whether to read on.

    Returns:
        A name for messages, and the file's bytes; of what is not a picture only the beginning.

    Raises:
        ImageNotFoundError: The path names no regular, readable file.
        ImageDecodeError: Reading failed.
        ImageTooLargeError: More than `max_bytes`, or than memory holds.
        UnsupportedImageError: Not something that a picture can be read from.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fsdecode(source)
        if not name:
            raise ImageNotFoundError("an empty path names no file")
        with _open_file(name) as stream:
            return name, _read_stream(stream, max_bytes, name, is_picture)
    if isinstance(source, bytes | bytearray | memoryview):
        return "the given bytes", _limited(bytes(source), max_bytes, "the given bytes")
    name = file_name(source) or "the given file object"
    if isinstance(source, type) or not callable(getattr(source, "read", None)):
        raise UnsupportedImageError(f"cannot read a picture from {type(source).__name__}: {_ACCEPTED}")
    if isinstance(source, io.TextIOBase):
        raise UnsupportedImageError(f"{name} gives text, not binary data: open it with mode 'rb'")
    if getattr(source, "closed", False) is True:
        raise UnsupportedImageError(f"{name} is a closed file: open it again, or give its path")
    return name, _read_stream(source, max_bytes, name, is_picture)  # type: ignore[arg-type]


def file_name(source: object) -> str | None:
    """Return the name that a file object says it has."""
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else None


def read_up_to(stream: BinaryIO, count: int, piece_bytes: int = _PIECE_BYTES) -> bytes:
    """Read `count` bytes, or all there are, never asking for more than a piece: Python makes room for what is asked."""
    pieces = []
    while count > 0 and (piece := _binary(stream.read(min(count, piece_bytes)))):
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _open_file(name: str) -> BinaryIO:
    path = Path(name)
    try:
        # Never block on a FIFO, never read a device: only regular files hold pictures.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageNotFoundError(f"{path} is not a file")
        return path.open("rb")
    except ImageNotFoundError:
        raise
    except FileNotFoundError as error:
        if _ADDRESS.match(name):
            raise ImageNotFoundError(f"{name} is an address, not a file: download it first") from error
        raise ImageNotFoundError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageNotFoundError(f"{path} cannot be read: {reason}") from error


def _read_stream(stream: BinaryIO, max_bytes: int, name: str, is_picture: Callable[[bytes], bool]) -> bytes:
    try:
        is_seekable = _rewind(stream)
        head = read_up_to(stream, HEAD_BYTES)
        if not is_picture(head):
            return head
        if is_seekable:  # then nothing needs joining, which would hold the file twice
            _rewind(stream)
            head = b""
        rest = read_up_to(stream, max_bytes + 1 - len(head), _size_of(stream) + 1)
        return _limited(head + rest, max_bytes, name)
    except UnsupportedImageError as error:
        raise UnsupportedImageError(f"{name} {error}") from error
    except InputError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError(f"{name} needs more memory than there is") from error
    except Exception as error:  # a failing card, a cut gzip stream, a lost connection: of any class
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageDecodeError(f"{name} cannot be read: {reason.splitlines()[0]}") from error


def _rewind(stream: BinaryIO) -> bool:
    try:
        _synchronous(stream.seek(0))
    except (AttributeError, io.UnsupportedOperation):  # a pipe
        return False
    except OSError as error:
        if error.errno != errno.ESPIPE:  # a pipe without a buffer
            raise
        return False
    return True


def _size_of(stream: BinaryIO) -> int:
    """Return about how many bytes there are, to read them in one piece."""
    if isinstance(stream, io.BytesIO):
        return stream.getbuffer().nbytes
    try:
        return max(os.fstat(stream.fileno()).st_size, _PIECE_BYTES)
    except (AttributeError, TypeError, OSError):
        return _PIECE_BYTES


def _synchronous(answer: Any) -> Any:  # noqa: ANN401
    """Return what a file's method returned, unless that is a promise, as in asynchronous frameworks."""
    if hasattr(answer, "__await__"):
        if hasattr(answer, "close"):
            answer.close()  # or Python warns that it was never awaited
        raise UnsupportedImageError("is read asynchronously: give the bytes that its `await read()` returns")
    return answer


def _binary(piece: Any) -> bytes:  # noqa: ANN401
    """Return what a file's read returned, as bytes."""
    if isinstance(_synchronous(piece), bytes | bytearray | memoryview):
        return bytes(piece)
    if piece is None:  # nothing there yet, from a stream that does not wait
        return b""
    if isinstance(piece, str):
        raise UnsupportedImageError("gives text, not binary data: open it with mode 'rb'")
    raise UnsupportedImageError(f"gives {type(piece).__name__} instead of bytes")


def _limited(data: bytes, max_bytes: int, name: str) -> bytes:
    if len(data) > max_bytes:
        raise ImageTooLargeError(f"{name} has more bytes than the limit of {max_bytes}: scale the picture down first")
    return data
