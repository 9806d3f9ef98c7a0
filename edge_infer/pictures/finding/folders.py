"""What a folder holds: its pictures in natural order, and everything left out with the reason.

Folders that systems make for themselves are skipped like hidden ones. A linked sub-folder is
looked through once, however many links lead to it.
"""

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_infer.pictures.drawing.marks import is_drawn_copy
from edge_infer.pictures.finding.natural_order import natural_key
from edge_infer.pictures.unread import unread_suffix

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif"}
)
# Made by NAS boxes (Synology, QNAP), Windows, macOS, file systems and cameras; compared in lower case.
SYSTEM_FOLDERS = frozenset(
    {"@eadir", "@tmp", "@sharebin", "@sharesnap", "@recycle", "@recently-snapshot", "@__thumb", "#recycle", "#snapshot"}
    | {"$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "lost.dir", "found.000"}
    | {"__macosx", "network trash folder", "temporary items", "thumbnails", "thmbnl", "avf_info"}
)
_NAMED = 3  # files named in a summary; the others are counted

Reason = Literal["not read", "broken link", "linked again", "unreadable", "drawn"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that looks as if it belonged to a folder's pictures, but does not.

    Attributes:
        path: The file or folder.
        reason: `not read`: a format this package does not read; `broken link`; `linked again`: a link to a
            folder that is looked through already; `unreadable`: a sub-folder that cannot be listed; `drawn`: a copy
            that `--save-annotated` or `--explain` made of another picture.
        detail: The format's name, or what the system says.
    """

    path: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FolderContent:
    """What a folder holds.

    Attributes:
        images: Paths of its pictures, by suffix and not by content; a folder's own before its sub-folders'.
        left_out: Whatever looks like a picture, or may hold some, and was left out.
    """

    images: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def is_skipped(name: str) -> bool:
    """Return whether a file's or folder's name says that it holds nobody's photos: hidden, or the system's own."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


def look_through(folder: str | Path, *, recursive: bool = False) -> FolderContent:
    """Find the pictures of a folder.

    Args:
        folder: An existing folder.
        recursive: Descend into sub-folders, linked ones too.

    Returns:
        Its pictures in natural order (`frame 2` before `frame 10`), and what was left out.
    """
    content = FolderContent()
    found: dict[str, list[str]] = {}
    seen: set[tuple[int, int] | str] = set()
    starts = deque([os.fspath(folder)])  # then the links, last, so that a folder is named by its own path if it can be
    while starts:
        start = starts.popleft()
        if _identity(start) in seen:
            content.left_out.append(LeftOut(start, "linked again"))
        pending = [start]
        while pending:
            current = pending.pop()
            if _identity(current) in seen:
                continue
            seen.add(_identity(current))
            try:
                entries = sorted(os.scandir(current), key=lambda entry: natural_key(entry.name))
            except OSError as error:
                content.left_out.append(LeftOut(current, "unreadable", error.strerror or ""))
                continue
            folders = [entry for entry in entries if _is_folder(entry)]
            found[current] = [entry.path for entry in entries if entry not in folders and _is_image(entry, content)]
            if recursive:
                folders = [entry for entry in folders if not is_skipped(entry.name)]
                starts += [entry.path for entry in folders if entry.is_symlink()]
                pending += [entry.path for entry in folders if not entry.is_symlink()]
    for current in sorted(found, key=natural_key):
        content.images.extend(found[current])
    return content


def find_images(folder: str | Path, *, recursive: bool = False) -> list[str]:
    """Return the pictures of a folder as `look_through` finds them, without what was left out."""
    return look_through(folder, recursive=recursive).images


def summarize(left_out: Iterable[LeftOut]) -> list[str]:
    """Return a line for each kind of thing that was left out: how many, the first names, and what to do."""
    groups: dict[tuple[Reason, str], list[str]] = {}
    for item in left_out:
        groups.setdefault((item.reason, item.detail), []).append(item.path)
    return [_line(reason, detail, paths) for (reason, detail), paths in groups.items()]


def _line(reason: Reason, detail: str, paths: list[str]) -> str:
    count, names = len(paths), ", ".join(paths[:_NAMED]) + (", …" if len(paths) > _NAMED else "")
    match reason:
        case "not read":
            files = "file is" if count == 1 else "files are"
            return f"{count} {detail} {files} left out ({names}): convert to JPEG or PNG to use them"
        case "broken link":
            return f"{count} broken {'link is' if count == 1 else 'links are'} left out ({names})"
        case "linked again":
            links = "link leads" if count == 1 else "links lead"
            return f"{count} {links} to folders that are looked through already ({names})"
        case "unreadable":
            return f"{count} {'folder' if count == 1 else 'folders'} cannot be read ({names}): {detail}"
        case "drawn":
            return f"{count} {'copy' if count == 1 else 'copies'} drawn by edge-infer left out ({names})"


def _is_image(entry: "os.DirEntry[str]", content: FolderContent) -> bool:
    """Return whether a file's name is a picture's; note it down if it only looks like one."""
    if is_skipped(entry.name):
        return False
    suffix = Path(entry.name).suffix.lower()
    if suffix in SUFFIXES:
        if entry.is_symlink() and not Path(entry.path).exists():
            content.left_out.append(LeftOut(entry.path, "broken link"))
            return False
        if is_drawn_copy(entry.path):
            content.left_out.append(LeftOut(entry.path, "drawn"))
            return False
        return True
    if (kind := unread_suffix(suffix)) is not None:
        content.left_out.append(LeftOut(entry.path, "not read", kind))
    return False


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: str) -> tuple[int, int] | str:
    """Return what two paths to the same folder have in common."""
    try:
        status = Path(folder).stat()
    except OSError:
        return folder
    return (status.st_dev, status.st_ino)
