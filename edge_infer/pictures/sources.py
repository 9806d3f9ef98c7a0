"""What the command line was given -> the pictures it means, in order.

A PATH is a file, a folder, a glob pattern, `@list.txt` (one path a line), `@-` (such a
list on standard input) or `-` (one picture on standard input).
"""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from edge_infer.errors import ImageNotFoundError, ImageTooLargeError, NoImagesError
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES
from edge_infer.pictures.reading import HEAD_BYTES, read_up_to
from edge_infer.results import FailedInput

Source = str | BinaryIO | FailedInput

STDIN = "-"
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif"}
)


def expand(
    arguments: Iterable[str], *, recursive: bool = False, max_bytes: int = DEFAULT_MAX_BYTES
) -> Iterator[Source]:
    """Yield every picture's path, in the order given; a folder's files sorted by name.

    Args:
        arguments: PATHs as above. A path that exists is taken as it is, so a file
            whose name holds `*` or begins with `@` can be named.
        recursive: Descend into sub-folders.
        max_bytes: Of standard input's picture no more is read than shows that it is larger.

    Yields:
        A path, standard input's picture, or the failure of an argument that gave none.
    """
    for argument in arguments:
        if argument == STDIN:
            yield _stdin_picture(max_bytes)
        elif os.path.isdir(argument):
            yield from _folder(argument, recursive)
        elif os.path.lexists(argument):
            yield argument
        elif argument.startswith("@"):
            yield from _listed(argument[1:], recursive)
        elif glob.has_magic(argument):
            yield from _pattern(argument, recursive)
        else:
            yield argument  # a missing file: the loader says so in the one place that does


def find_images(folder: str | Path, *, recursive: bool = False) -> list[str]:
    """Return the pictures of a folder, sorted, hidden files left out; by suffix, not by content."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        found += [os.path.join(root, name) for name in sorted(files) if _is_image_name(name)]
    return found


def _stdin_picture(max_bytes: int) -> BinaryIO | FailedInput:
    from edge_infer.pictures.opening import is_picture  # late: it brings in Pillow

    # Read here and not where it is decoded: in another thread, Ctrl-C would wait for the input's end.
    try:
        head = b"" if sys.stdin is None else read_up_to(sys.stdin.buffer, HEAD_BYTES)
        rest = read_up_to(sys.stdin.buffer, max_bytes + 1 - len(head)) if is_picture(head) else b""
        picture = BytesIO(head + rest)
    except MemoryError:
        return FailedInput(STDIN, ImageTooLargeError(f"{STDIN} needs more memory than there is"))
    picture.name = STDIN  # results and messages name it so
    return picture


def _read_stdin() -> bytes:
    return b"" if sys.stdin is None else sys.stdin.buffer.read()  # None: closed by the caller (`<&-`)


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _folder(folder: str, recursive: bool) -> Iterator[Source]:
    images = find_images(folder, recursive=recursive)
    if not images:
        hint = "" if recursive else " (--recursive looks into its sub-folders)"
        yield FailedInput(folder, NoImagesError(f"{folder} holds no pictures{hint}"))
    yield from images


def _pattern(pattern: str, recursive: bool) -> Iterator[Source]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        yield FailedInput(pattern, NoImagesError(f"{pattern} matches no file"))
    for match in matches:
        if not os.path.isdir(match):
            yield match
        elif recursive:
            yield from _folder(match, recursive)


def _listed(name: str, recursive: bool) -> Iterator[Source]:
    try:
        data = _read_stdin() if name == STDIN else Path(name).read_bytes()
        text = data.decode("utf-8-sig")  # Windows editors begin a list with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        yield FailedInput(f"@{name}", ImageNotFoundError(f"list {name} cannot be read: {reason}"))
        return
    # A list inside a list, or standard input as a picture, would be read from an odd place.
    # Only line ends separate: `str.splitlines` would also cut names that hold, say, U+2028.
    paths = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if not paths:
        yield FailedInput(f"@{name}", NoImagesError(f"list {name} names no pictures"))
    for path in paths:
        if os.path.isdir(path):
            yield from _folder(path, recursive)
        else:
            yield path
