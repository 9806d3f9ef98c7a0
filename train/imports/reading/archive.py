"""A `.keras` archive as data: its two texts, and its weights copied out within limits."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edge_infer.model_file.mistaken import PYTORCH
from train.errors import KerasFileError
from train.imports.reading.hdf5 import MAX_BYTES

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_TEXT_BYTES = 2**26
MAX_MEMBERS = 10_000
_CHUNK = 2**20
# What zipfile raises for damaged members and those it cannot read: encrypted (RuntimeError), or compressed by a method
# that it does not know (NotImplementedError).
_DAMAGE = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def unpack(path: Path, weights: Path) -> tuple[str, str]:
    """Read an archive.

    Args:
        path: The `.keras` file.
        weights: Where its HDF5 file of weights is copied to.

    Returns:
        Its architecture and its metadata, each the text of a JSON object.

    Raises:
        KerasFileError: No archive, damaged, or one whose members lie outside it, come twice or are too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(archive, path)
            config, metadata = (_read(archive, name, MAX_TEXT_BYTES, path) for name in (CONFIG, METADATA))
            _copy(archive, weights, path)
    except KerasFileError:
        raise
    except _DAMAGE as error:
        raise KerasFileError(
            f"{path} is damaged: {str(error).splitlines()[0] if str(error) else 'cut short'}"
        ) from error
    return config.decode("utf-8", "replace"), metadata.decode("utf-8", "replace")


def _check_names(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    if len(names) > MAX_MEMBERS:
        raise KerasFileError(f"{path} is refused: it holds {len(names):,} files")
    for name in names:
        if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
            raise KerasFileError(f"{path} is refused: {name[:100]!r} in it would lie outside it")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise KerasFileError(f"{path} is refused: {twice[:100]!r} is in it twice")
    if missing := [name for name in (CONFIG, METADATA, WEIGHTS) if name not in names]:
        if any(name.endswith("/data.pkl") for name in names):
            raise KerasFileError(f"{path} is {PYTORCH}")
        hint = ": weights in several files are not read, save the model as .h5" if "shard" in "".join(names) else ""
        raise KerasFileError(f"{path} is not a Keras model: it lacks {missing[0]}{hint}")


def _read(archive: zipfile.ZipFile, name: str, limit: int, path: Path) -> bytes:
    with archive.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise KerasFileError(f"{path} is refused: {name} in it has more than {limit // 2**20} MiB")
    return content


def _copy(archive: zipfile.ZipFile, weights: Path, path: Path) -> None:
    left = MAX_BYTES + MAX_TEXT_BYTES  # the numbers and what HDF5 needs around them
    with archive.open(WEIGHTS) as member, weights.open("wb") as file:
        while chunk := member.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise KerasFileError(f"{path} is refused: {WEIGHTS} in it has more than {MAX_BYTES // 2**30} GiB")
            file.write(chunk)
