"""Photos from elsewhere: of the same classes from other sources, and of none of them.

Photos of one source (one shop, one album) look alike, so they are folded together: what is learned from some
of a source's photos tells more of its others than of the next source.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from edge_infer.pictures.finding.folders import look_through, summarize
from train.data.layout import Report, class_folders, folded
from train.data.photos import Photo, sha256_file
from train.errors import DataError
from train.metrics import Ints

SOURCES = "sources.csv"
FILE, SOURCE, KIND, WHAT = "file", "repo", "kind", "what"  # its columns; only the first is needed


@dataclass(frozen=True, slots=True)
class Sourced:
    """A photo that the data set does not hold, and where it comes from.

    Attributes:
        photo: The file; its label is empty for a stranger.
        source: Photos with one name come from one place.
        kind: What it shows: of a labelled photo, in which form; of a stranger, what it is.
        part: Of a stranger, the group that it is reported with.
    """

    photo: Photo
    source: str
    kind: str
    part: str = ""


def find_elsewhere(folders: Sequence[Path], labels: Sequence[str], report: Report) -> list[Sourced]:
    """Find labelled photos from elsewhere, each once.

    Args:
        folders: Of class folders. Each may hold `sources.csv` with the columns `file` (relative to it), `repo`
            (the source) and `kind`. Of a photo that it does not name, the sub-folder in its class folder is the
            source; without one, each file is its own.
        labels: The data set's classes; the folders need not have all of them.
        report: As in `train.data.photos.find_photos`.

    Raises:
        DataError: A folder is missing, holds no photos, or has a class that the data set lacks; `sources.csv`
            cannot be read.
    """
    found: dict[str, Sourced] = {}
    contradicted: set[str] = set()
    for folder in folders:
        rows = read_sources(folder, report)
        for child, label in class_folders(folder, report).items():
            if label not in labels:
                like = next((known for known in labels if folded(known) == folded(label)), None)
                advice = f"call it {like!r}" if like else "photos of none of the classes are given with --others"
                raise DataError(f"class folder {child} is none of the data set's classes: {advice}")
            for path in _pictures(child, report):
                row = rows.get(path.relative_to(folder).as_posix(), {})
                inside = path.relative_to(child).parts
                source = row.get(SOURCE) or f"{folder.resolve()}/{child.name}/{inside[0]}"
                photo = Photo(path, label, sha256_file(path))
                kept = found.setdefault(photo.sha256, Sourced(photo, source, row.get(KIND, "")))
                if kept.photo.label != label:
                    contradicted.add(photo.sha256)
                    report(f"left out of --more, since one file lies under two classes: {kept.photo.path} and {path}")
    kept_photos = [sourced for sha256, sourced in found.items() if sha256 not in contradicted]
    if folders and not kept_photos:
        raise DataError(f"{folders[0]} holds no photos of one class: add some, or leave --more out")
    return kept_photos


def find_strangers(folders: Sequence[Path], report: Report) -> list[Sourced]:
    """Find pictures that show none of the classes, each once.

    Args:
        folders: Each holds `part/kind/…`, or `kind/…` and is a part itself. With a `sources.csv` (columns `file`,
            `what`: the kind, and `repo`) it holds `part/…`. Without either, each file is a kind of its own.
        report: As in `train.data.photos.find_photos`.

    Raises:
        DataError: A folder is missing or holds no pictures; `sources.csv` cannot be read.
    """
    found: dict[str, Sourced] = {}
    for folder in folders:
        rows = read_sources(folder, report)
        pictures = _pictures(folder, report)
        if not pictures:
            raise DataError(f"{folder} holds no pictures: add some, or leave --others {folder} out")
        for path in pictures:
            name = path.relative_to(folder).as_posix()
            row, inside = rows.get(name, {}), path.relative_to(folder).parts[:-1]
            part = inside[0] if len(inside) > 1 or (row and inside) else folder.resolve().name
            kind = row.get(WHAT) or row.get(KIND) or (inside[-1] if inside and not row else name)
            photo = Photo(path, "", sha256_file(path))
            found.setdefault(photo.sha256, Sourced(photo, row.get(SOURCE) or str(folder.resolve()), kind, part))
    return list(found.values())


def same_kind(kinds: Sequence[str]) -> Ints:
    """Group kinds that differ only in what they are called or in colour: `int64 [N]`, equal for one group.

    Names are of one kind if they begin with the same word (garnet red, Garnet Green), or if all words of one are in
    the other (agate, Blue Lace Agate). The name of a file (IMG_0001.jpg) is a kind of its own.
    """
    words = [(kind,) if "." in kind else tuple(re.findall(r"\w+", kind.casefold().replace("_", " "))) for kind in kinds]
    different = sorted(set(words))
    if not different:
        return np.empty(0, np.int64)
    names = [[str(i)] for i in range(len(different))]
    for i, mine in enumerate(different):
        for j, theirs in enumerate(different[:i]):
            if mine and theirs and (mine[0] == theirs[0] or set(mine) <= set(theirs) or set(theirs) <= set(mine)):
                names[i].append(str(j))
    pairs = [(i, int(j)) for i, others in enumerate(names) for j in others]
    rows, columns = np.array(pairs).T
    graph = csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(different), len(different)))
    groups = connected_components(graph, directed=False)[1].astype(np.int64)
    return np.array([groups[different.index(name)] for name in words], np.int64)


def linked(*names: Sequence[str]) -> Ints:
    """Group what shares a name, directly or through others.

    Args:
        names: Of one sort each, as sources or pictures, `[N]`.

    Returns:
        `int64 [N]`: equal numbers for one group.
    """
    count = len(names[0])
    if not count:
        return np.empty(0, np.int64)
    links = [(i, i) for i in range(count)]
    for sort in names:
        first_with: dict[str, int] = {}
        links += [(first_with.setdefault(name, i), i) for i, name in enumerate(sort)]
    rows, columns = np.array(links).T
    graph = csr_array((np.ones(len(links)), (rows, columns)), shape=(count, count))
    groups: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _pictures(folder: Path, report: Report) -> list[Path]:
    content = look_through(folder, recursive=True)
    for line in summarize(content.left_out):
        report(f"{folder}: {line}")
    return [Path(path) for path in content.images]


def read_sources(folder: Path, report: Report) -> dict[str, dict[str, str]]:
    """Return the rows of a folder's `sources.csv` by file; none if there is no such file."""
    path = folder / SOURCES
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist")
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    if rows and FILE not in rows[0]:
        raise DataError(f"{path} lacks the column {FILE!r}: it names each photo, relative to {folder}")
    # A short row has None for what it lacks, and a long one a list under None.
    named = {row[FILE]: {key: value or "" for key, value in row.items() if key} for row in rows if row[FILE]}
    if missing := [name for name in named if not (folder / name).is_file()]:
        report(f"{len(missing)} of the {len(named)} files that {path} names are not there, such as {missing[0]}")
    return named
