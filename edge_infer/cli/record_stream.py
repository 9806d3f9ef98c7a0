"""Records to a file, or to a pipe that nobody may be reading: nothing here waits."""

import errno
import io
import os
import select
import sys
from types import TracebackType
from typing import Self

from edge_infer.cli.writers import make_writer
from edge_infer.errors import OutputError
from edge_infer.results import STDIN, Prediction

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_PIPE_BUF = getattr(select, "PIPE_BUF", 512)  # so much goes into a pipe that has room at all


class RecordStream:
    """JSON lines, written as soon as they are taken; a context manager.

    Args:
        path: A file to append to, a named pipe, or `-` for stdout.
        top: How many of the best classes to write; None for all.

    Raises:
        OutputError: The file cannot be opened.
    """

    def __init__(self, path: str, top: int | None) -> None:
        self._path, self._top = path, top
        self._name = "standard output" if path == STDIN else path
        self._encoding = sys.stdout.encoding if path == STDIN else "utf-8"
        self._fd: int | None = None
        self._waiting = b""
        self.is_taken()

    def __enter__(self) -> Self:
        """Nothing is left to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; what nobody has taken is lost."""
        if self._fd is not None and self._path != STDIN:
            os.close(self._fd)

    def put(self, prediction: Prediction) -> None:
        """Take a record, and write what can be written at once.

        Raises:
            OutputError: The file cannot be written.
            BrokenPipeError: Its reader has left.
        """
        encoded = io.BytesIO()
        stream = io.TextIOWrapper(encoded, encoding=self._encoding, errors="backslashreplace", newline="")
        with make_writer("jsonl", stream, self._top) as writer:
            writer.write(prediction)
        self._waiting += encoded.getvalue()
        self.is_taken()

    def is_taken(self) -> bool:
        """Write what can be written at once, and return whether that is all.

        Raises:
            OutputError: As in `put`.
            BrokenPipeError: As in `put`.
        """
        try:
            self._write()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"{self._name} cannot be written: {error.strerror}") from error
        return not self._waiting

    def _write(self) -> None:
        if self._fd is None:
            self._fd = self._opened()
        while self._waiting and self._fd is not None and _has_room(self._fd):
            try:
                written = os.write(self._fd, self._waiting[:_PIPE_BUF])
            except BlockingIOError:
                return
            self._waiting = self._waiting[written:]

    def _opened(self) -> int | None:
        """Return the open file; None for a named pipe that nobody reads yet."""
        if self._path == STDIN:
            return sys.stdout.fileno()
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _AT_ONCE, 0o666)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None
            raise


def _has_room(fd: int) -> bool:
    """Return whether a write would not wait for a reader."""
    if not hasattr(select, "poll"):  # Windows
        return True
    room = select.poll()
    room.register(fd, select.POLLOUT)
    return bool(room.poll(0))
