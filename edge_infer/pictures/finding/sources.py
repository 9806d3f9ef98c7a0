"""What the command line was given -> the pictures it means, in order.

A PATH is a file, a folder, a glob pattern, `@list.txt` (one path a line), `@-` (such a
list on standard input) or `-` (one picture on standard input).
"""

import codecs
import errno
import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from io import BufferedIOBase, BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from edge_infer.errors import ImageDecodeError, ImageNotFoundError, ImageTooLargeError, NoImagesError
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES
from edge_infer.pictures.reading import HEAD_BYTES, read_up_to
from edge_infer.results import STDIN, FailedInput

Source = str | BinaryIO | FailedInput
Report = Callable[[str], None]

_LONGEST_NAME_BYTES = 65_536  # no system allows longer ones


def expand_in_groups(
    arguments: Iterable[str],
    *,
    recursive: bool = False,
    report: Report | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Iterator[list[Source]]:
    """Yield the pictures in groups to be answered one after the other; arguments as in `expand`.

    Names on standard input (`@-`), which a program that watches a folder may write one by one, are a group
    whenever some have come. All other pictures between them are one group.
    """
    group: list[Source] = []
    for argument in arguments:
        if argument != f"@{STDIN}" or os.path.lexists(argument):
            group += expand([argument], recursive=recursive, report=report, max_bytes=max_bytes)
            continue
        if group:
            yield group
        group = []
        yield from _listed(STDIN, recursive, report)
    if group:
        yield group


def expand(
    arguments: Iterable[str],
    *,
    recursive: bool = False,
    report: Report | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Iterator[Source]:
    """Yield every picture's path, in the order given; a folder's files in natural order.

    Args:
        arguments: PATHs as above. A path that exists is taken as it is, so a file
            whose name holds `*` or begins with `@` can be named.
        recursive: Descend into sub-folders.
        report: Called with a line for each kind of thing that a folder's pictures were found without,
            such as files of formats that are not read.
        max_bytes: Of standard input's picture no more is read than shows that it is larger.

    Yields:
        A path, standard input's picture, or the failure of an argument that gave none. Names on standard
        input (`@-`) are yielded as they come.
    """
    for argument in arguments:
        if argument == STDIN:
            yield _stdin_picture(max_bytes)
        elif os.path.isdir(argument):
            yield from _folder(argument, recursive, report)
        elif os.path.lexists(argument):
            yield argument
        elif argument.startswith("@"):
            yield from chain.from_iterable(_listed(argument[1:], recursive, report))
        elif glob.has_magic(argument):
            yield from _pattern(argument, recursive, report)
        else:
            yield argument  # a missing file: the loader says so in the one place that does


def _stdin_picture(max_bytes: int) -> BinaryIO | FailedInput:
    from edge_infer.pictures.opening import is_picture  # late: it brings in Pillow

    # Read here and not where it is decoded: in another thread, Ctrl-C would wait for the input's end.
    try:
        head = b"" if sys.stdin is None else read_up_to(sys.stdin.buffer, HEAD_BYTES)  # None: closed (`<&-`)
        rest = read_up_to(sys.stdin.buffer, max_bytes + 1 - len(head)) if is_picture(head) else b""
        picture = BytesIO(head + rest)
    except MemoryError:
        return FailedInput(STDIN, ImageTooLargeError(f"{STDIN} needs more memory than there is"))
    except OSError as error:  # open for writing only (`0>file`), a terminal that is gone
        return FailedInput(STDIN, ImageDecodeError(f"{STDIN} cannot be read: {error.strerror}"))
    picture.name = STDIN  # results and messages name it so
    return picture


def _folder(folder: str, recursive: bool, report: Report | None) -> Iterator[Source]:
    from edge_infer.pictures.finding.folders import look_through, summarize

    content = look_through(folder, recursive=recursive)
    lines = summarize(content.left_out)
    if not content.images:
        hint = "" if recursive else " (--recursive looks into its sub-folders)"
        reasons = "".join(f"; {line}" for line in lines)
        yield FailedInput(folder, NoImagesError(f"{folder} holds no pictures{hint}{reasons}"))
    elif report is not None:
        for line in lines:
            report(f"{folder}: {line}")
    yield from content.images


def _pattern(pattern: str, recursive: bool, report: Report | None) -> Iterator[Source]:
    from edge_infer.pictures.finding.natural_order import natural_key

    matches = sorted(glob.glob(pattern, recursive=True), key=natural_key)
    if not matches:
        yield FailedInput(pattern, NoImagesError(f"{pattern} matches no file"))
    opened: set[Path] = set()
    given: set[str] = set()  # `tree/**` matches a folder, its sub-folders and everything in them
    for match in matches:
        if not os.path.isdir(match):
            found: Iterable[Source] = [match]
        elif recursive and opened.isdisjoint(Path(match).parents):
            opened.add(Path(match))
            found = _folder(match, recursive, report)
        else:
            continue
        for source in found:
            if isinstance(source, str):
                if os.path.normpath(source) in given:
                    continue
                given.add(os.path.normpath(source))
            yield source


def _listed(name: str, recursive: bool, report: Report | None) -> Iterator[list[Source]]:
    """Yield the pictures of a list: all at once, but those on standard input as they come."""
    any_named = False
    try:
        for lines in _names_on_stdin() if name == STDIN else [_names_in_file(name)]:
            any_named = any_named or bool(lines)
            group: list[Source] = []
            for path in lines:
                # A list inside a list, or standard input as a picture, would be read from an odd place.
                group += _folder(path, recursive, report) if os.path.isdir(path) else [path]
            if group:
                yield group
        if not any_named:
            yield [FailedInput(f"@{name}", NoImagesError(f"list {name} names no pictures"))]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        yield [FailedInput(f"@{name}", ImageNotFoundError(f"list {name} cannot be read: {reason}"))]


def _names_in_file(name: str) -> list[str]:
    return _names(Path(name).read_bytes())


def _names_on_stdin() -> Iterator[list[str]]:
    """Yield the names that have come whenever some have; None of them is answered later for those that follow."""
    if sys.stdin is None:  # closed by the caller (`<&-`)
        return
    stdin = cast("BufferedIOBase", sys.stdin.buffer)
    unfinished = b""
    while data := stdin.read1():  # it waits for the first byte only
        lines, newline, unfinished = (unfinished + data).rpartition(b"\n")
        if newline:
            yield _names(lines)
        if len(unfinished) > _LONGEST_NAME_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    yield _names(unfinished)


def _names(data: bytes) -> list[str]:
    """Return the names of a list, or of a part of one that ends where a line does.

    Raises:
        ValueError: It is UTF-16.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("UTF-16")
    # Windows editors begin with a mark. A name that is not UTF-8 is still one to the file system, or fails alone.
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    # Only line ends separate: `str.splitlines` would also cut names that hold, say, U+2028.
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
