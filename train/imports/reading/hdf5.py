"""An HDF5 file as data: arrays and texts by path, nothing outside the file opened, memory bounded."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

from train.errors import KerasFileError

MAX_BYTES = 2**31  # of all arrays together; VGG16 with its top has a quarter of it
MAX_OBJECTS = 100_000
MAX_DEPTH = 64
MAX_ATTRIBUTE_BYTES = 2**26
_PLAIN_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
_LEFT_OUT = frozenset({"optimizer_weights", "optimizer"})

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tree:
    """What an HDF5 file holds.

    Attributes:
        arrays: Its numbers in single precision, by path without a leading slash; of an array that holds none, nothing.
        texts: Its attributes that are texts, by path of the group and name.
    """

    arrays: Mapping[str, Array]
    texts: Mapping[tuple[str, str], tuple[str, ...]]

    def names(self, group: str, attribute: str) -> tuple[str, ...] | None:
        """Return a list of names that Keras has written to a group, in parts where it is long; None if it is not there.

        Args:
            group: Path of the group.
            attribute: `layer_names` or `weight_names`.
        """
        if (group, attribute) in self.texts:
            return self.texts[group, attribute]
        found: list[str] = []
        for number in itertools.count():
            part = self.texts.get((group, f"{attribute}{number}"))
            if part is None:
                break
            found += part
        return tuple(found) or None


def read_tree(file: Path | IO[bytes], name: str) -> Tree:
    """Read an HDF5 file but the optimizer's state.

    Args:
        file: The file.
        name: What messages call it.

    Raises:
        KerasFileError: No HDF5 file, damaged, or one that points out of itself or asks for too much memory.
    """
    try:
        with h5py.File(file, "r") as opened:
            return _Reader(name).read(opened)
    except KerasFileError:
        raise
    except Exception as error:  # the library raises a dozen kinds for damaged files
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise KerasFileError(f"{name} is damaged: {reason}") from error


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._arrays: dict[str, Array] = {}
        self._texts: dict[tuple[str, str], tuple[str, ...]] = {}
        self._seen: set[int] = set()
        self._bytes = 0

    def read(self, root: h5py.File) -> Tree:
        pending: list[tuple[str, h5py.Group]] = [("", root)]
        while pending:
            path, group = pending.pop()
            self._note(path, group)
            for name, item in self._items(path, group):
                inner = f"{path}/{name}".lstrip("/")
                if isinstance(item, h5py.Group):
                    pending.append((inner, item))
                else:
                    self._note(inner, item)
                    self._read_array(inner, item)
        return Tree(self._arrays, self._texts)

    def _items(self, path: str, group: h5py.Group) -> Iterator[tuple[str, Any]]:
        if path.count("/") > MAX_DEPTH:
            raise self._refused(path, "lies too deep")
        for name in group:
            inner = f"{path}/{name}".lstrip("/")
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise self._refused(inner, "is a link to another file")
            if not isinstance(link, h5py.HardLink):
                raise self._refused(inner, "is a soft link")
            if inner in _LEFT_OUT:
                continue
            item = group[name]
            if not isinstance(item, h5py.Group | h5py.Dataset):
                raise self._refused(inner, "is neither a group nor an array")
            yield name, item

    def _note(self, path: str, item: Any) -> None:  # noqa: ANN401  # a group or a dataset
        address = h5py.h5o.get_info(item.id).addr
        if address in self._seen:
            raise self._refused(path or "/", "is there under two names")
        self._seen.add(address)
        if len(self._seen) > MAX_OBJECTS:
            raise KerasFileError(f"{self._name} holds more than {MAX_OBJECTS:,} groups and arrays: no Keras model does")
        for key in item.attrs:
            attribute = item.attrs.get_id(key)
            if math.prod(attribute.shape) * attribute.dtype.itemsize > MAX_ATTRIBUTE_BYTES:
                raise self._refused(f"{path}@{key}", "is too long")
            texts = _texts(item.attrs[key])
            if texts is not None:
                self._texts[path, key] = texts

    def _read_array(self, path: str, dataset: h5py.Dataset) -> None:
        made = dataset.id.get_create_plist()
        if made.get_external_count():
            raise self._refused(path, "keeps its numbers in another file")
        if made.get_layout() == h5py.h5d.VIRTUAL:
            raise self._refused(path, "is put together from other arrays")
        filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
        if filters - _PLAIN_FILTERS:
            raise self._refused(path, "is compressed in a way that Keras does not use")
        if dataset.dtype.kind != "f":
            return  # such as the state of a random generator; a layer that wants it finds nothing
        if dataset.shape is None:
            raise self._refused(path, "is empty")
        count = math.prod(dataset.shape)
        self._bytes += count * max(dataset.dtype.itemsize, 4)
        if self._bytes > MAX_BYTES:
            raise KerasFileError(f"{self._name} asks for more than {MAX_BYTES // 2**30} GiB of weights: it is refused")
        if made.get_layout() == h5py.h5d.CONTIGUOUS and dataset.id.get_storage_size() < count * dataset.dtype.itemsize:
            raise self._refused(path, "has no numbers behind its shape")
        self._arrays[path] = np.asarray(dataset[()], np.float32)

    def _refused(self, path: str, why: str) -> KerasFileError:
        return KerasFileError(f"{self._name} is refused: {path[:100]!r} in it {why}")


def _texts(value: object) -> tuple[str, ...] | None:
    """Return an attribute that is a text or a list of texts; None for another."""
    items = list(value.reshape(-1)) if isinstance(value, np.ndarray) else [value]
    texts = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in items]
    if not all(isinstance(item, str) for item in texts):
        return None
    return tuple(map(str, texts))
