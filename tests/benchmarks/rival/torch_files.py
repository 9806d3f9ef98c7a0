"""Files as old versions of PyTorch wrote them, and small random Lite0s."""

import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

MAGIC = 0x1950A86A20F9469CFC6C

# What a tensor is in such a file: a storage's name, and offset, shape and strides in it.
View = tuple[str, int, tuple[int, ...], tuple[int, ...]]


class _Reference:
    """A storage as a pickle refers to it."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind


class _Tensor:
    def __init__(self, rebuild: Any, arguments: tuple[object, ...]) -> None:
        self._made = (rebuild, arguments)

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self._made


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: object) -> tuple[object, ...] | None:
        return ("storage", value.kind, value.name, "cpu", 0, None) if isinstance(value, _Reference) else None


def legacy_file(
    storages: Mapping[str, npt.NDArray[Any]], views: Mapping[str, View], monkeypatch: pytest.MonkeyPatch
) -> bytes:
    """Return a file's bytes: tensors by name, each a view of a storage."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    kinds = {np.dtype("<f4"): type("FloatStorage", (), {}), np.dtype("<i8"): type("LongStorage", (), {})}

    def _rebuild_tensor_v2(*_: object) -> None: ...

    for module, thing in (
        (torch, kinds[np.dtype("<f4")]),
        (torch, kinds[np.dtype("<i8")]),
        (utils, _rebuild_tensor_v2),
    ):
        thing.__module__, thing.__qualname__ = module.__name__, thing.__name__
        setattr(module, thing.__name__, thing)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    references = {name: _Reference(name, kinds[values.dtype]) for name, values in storages.items()}
    tensors = OrderedDict(
        (name, _Tensor(_rebuild_tensor_v2, (references[storage], offset, shape, strides, False, OrderedDict())))
        for name, (storage, offset, shape, strides) in views.items()
    )
    file = BytesIO()
    for header in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(header, file, protocol=2)
    _Pickler(file, protocol=2).dump(tensors)
    pickle.dump(list(storages), file, protocol=2)
    for values in storages.values():
        file.write(struct.pack("<q", len(values)) + values.tobytes())
    return file.getvalue()


def random_lite0(widths: Sequence[int], last: int, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Return tensors of a network with blocks of 3x3, the first not expanded, the others by two."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, npt.NDArray[np.float32]] = {}

    def layer(convolution: str, norm: str, shape: tuple[int, ...]) -> None:
        tensors[f"{convolution}.weight"] = rng.normal(0, (shape[1] * shape[2] * shape[3]) ** -0.5, shape)
        for part, low, high in (("weight", 0.5, 1.5), ("bias", -0.5, 0.5), ("running_mean", -0.5, 0.5)):
            tensors[f"{norm}.{part}"] = rng.uniform(low, high, shape[0])
        tensors[f"{norm}.running_var"] = rng.uniform(0.001, 0.5, shape[0])

    entering = 4
    layer("_conv_stem", "_bn0", (entering, 3, 3, 3))
    for number, width in enumerate(widths):
        prefix, expanded = f"_blocks.{number}.", entering * (1 if number == 0 else 2)
        if number:
            layer(f"{prefix}_expand_conv", f"{prefix}_bn0", (expanded, entering, 1, 1))
        layer(f"{prefix}_depthwise_conv", f"{prefix}_bn1", (expanded, 1, 3, 3))
        layer(f"{prefix}_project_conv", f"{prefix}_bn2", (width, expanded, 1, 1))
        entering = width
    layer("_conv_head", "_bn1", (last, entering, 1, 1))
    return {name: values.astype(np.float32) for name, values in tensors.items()}
