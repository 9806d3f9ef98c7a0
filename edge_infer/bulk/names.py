"""Which pictures a job means: a folder, a glob pattern, `@list.txt`, a Parquet manifest or one picture.

Local folders, patterns and lists are those of `edge-infer classify`. Of an object store the same is
found by its listing.
"""

import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import parquet as pq

from edge_infer.bulk.storage import files_below, is_address, is_file, locate, read_bytes, reason, refuse_credentials
from edge_infer.errors import NoImagesError, StorageError
from edge_infer.pictures.finding.folders import SUFFIXES, LeftOut, is_skipped, summarize
from edge_infer.pictures.finding.natural_order import natural_key
from edge_infer.pictures.finding.sources import expand
from edge_infer.pictures.unread import unread_suffix
from edge_infer.results import FailedInput

PATH_COLUMN = "path"
_MAGIC = re.compile(r"[*?]")
_WILDCARDS = {"**/": "(?:.+/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def names_of(source: str, *, recursive: bool, report: Callable[[str], None]) -> list[str]:
    """Return the names of a job's pictures, in an order that is always the same.

    Args:
        source: A folder, a pattern, `@` and a list, a Parquet file with a column `path`, or a picture; a
            local path or an address.
        recursive: Descend into sub-folders.
        report: Called with a line for each kind of thing that was left out.

    Raises:
        NoImagesError: It names no picture.
        StorageError: It cannot be read.
    """
    try:
        if source.lower().endswith(".parquet"):
            names = _manifest(source)
        elif is_address(source.removeprefix("@")):
            names = _remote(source, recursive, report)
        else:
            names = _local(source, recursive, report)
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, NoImagesError):
            raise
        raise StorageError(f"{source.removeprefix('@')} cannot be read: {reason(error)}") from error
    if not names:
        raise NoImagesError(f"{source.removeprefix('@')} names no pictures")
    for name in names:
        refuse_credentials(name)
    return names


def _manifest(source: str) -> list[str]:
    filesystem, path = locate(source)
    with filesystem.open_input_file(path) as file:
        parquet = pq.ParquetFile(file)
        if PATH_COLUMN not in parquet.schema_arrow.names:
            columns = ", ".join(parquet.schema_arrow.names)
            raise StorageError(f"{source} has no column {PATH_COLUMN} (it has: {columns})")
        column = parquet.read([PATH_COLUMN]).column(PATH_COLUMN)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise StorageError(f"{source}: its column {PATH_COLUMN} holds {column.type}, not text")
    if column.null_count:
        raise StorageError(f"{source}: its column {PATH_COLUMN} has {column.null_count} empty rows")
    names: list[str] = column.to_pylist()
    return names


def _local(source: str, recursive: bool, report: Callable[[str], None]) -> list[str]:
    found = list(expand([source], recursive=recursive, report=report))
    if len(found) == 1 and isinstance(found[0], FailedInput):
        error = found[0].error
        raise error if isinstance(error, NoImagesError) else StorageError(str(error))
    if found == [source] and not Path(source).exists():
        raise StorageError(f"{source} does not exist")
    # Of a list's folder without pictures there is a row that says so.
    return [str(item.source) if isinstance(item, FailedInput) else str(item) for item in found]


def _remote(source: str, recursive: bool, report: Callable[[str], None]) -> list[str]:
    if source.startswith("@"):
        lines = read_bytes(source[1:]).decode("utf-8-sig").split("\n")
        return [line.removesuffix("\r") for line in lines if line.strip()]
    if _MAGIC.search(source):
        folder = source[: _MAGIC.search(source).start()].rpartition("/")[0]  # type: ignore[union-attr]
        pattern = re.compile(_as_expression(source))
        below = (address for address in files_below(folder, recursive=True) if not _is_hidden(address, folder))
        return sorted(filter(pattern.fullmatch, below), key=natural_key)
    if is_file(source):
        return [source]
    if "[" in source:
        raise StorageError(
            f"{source} does not exist, and brackets stand for letters in local patterns only: use * or ?"
        )
    return _folder(source, recursive, report)


def _folder(source: str, recursive: bool, report: Callable[[str], None]) -> list[str]:
    images: list[str] = []
    left_out: list[LeftOut] = []
    for address in files_below(source, recursive=recursive):
        if _is_hidden(address, source):
            continue
        suffix = PurePosixPath(address).suffix.lower()
        if suffix in SUFFIXES:
            images.append(address)
        elif (kind := unread_suffix(suffix)) is not None:
            left_out.append(LeftOut(address, "not read", kind))
    lines = summarize(left_out)
    if not images:
        hint = "" if recursive else " (--recursive looks into its sub-folders)"
        raise NoImagesError("; ".join([f"{source} holds no pictures{hint}", *lines]))
    for line in lines:
        report(f"{source}: {line}")
    return sorted(images, key=lambda address: tuple(map(natural_key, address.rpartition("/")[::2])))


def _is_hidden(address: str, folder: str) -> bool:
    """Return whether an address below a folder is one that a local folder's listing would skip."""
    return any(map(is_skipped, PurePosixPath(address[len(folder.rstrip("/")) :].lstrip("/")).parts))


def _as_expression(pattern: str) -> str:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return "".join(chain.from_iterable((_WILDCARDS.get(piece, re.escape(piece)),) for piece in pieces))
