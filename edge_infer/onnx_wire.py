"""Read an ONNX file's description straight from its protobuf bytes.

Before a runtime parses a model (and would open files it points to), the loader wants
to know what it says of itself, which operators it uses and whether it keeps data
elsewhere. That is a walk over a few kilobytes; depending on `onnx` for it would cost
the device a 40 MB package. Field numbers are those of `onnx.proto3`
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3), the encoding is protobuf's
(https://protobuf.dev/programming-guides/encoding/).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_infer.errors import ModelFormatError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_GRAPH_DEPTH = 8
_EXTERNAL = 1  # TensorProto.DataLocation.EXTERNAL


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What an ONNX file is made of.

    Attributes:
        ir_version: Version of the file format.
        opsets: Operator-set version by domain; `""` is standard ONNX.
        domains: Domains of the operators in use.
        metadata_props: The free-form key/value pairs.
        has_external_data: Whether any tensor is kept outside the file.
        has_functions: Whether the file defines operators of its own.
    """

    ir_version: int
    opsets: dict[str, int]
    domains: frozenset[str]
    metadata_props: dict[str, str]
    has_external_data: bool
    has_functions: bool


def summarize(data: bytes) -> ModelSummary:
    """Walk a serialized `ModelProto` without copying its weights.

    Raises:
        ModelFormatError: Not protobuf, cut short, or without a graph.
    """
    ir_version, opsets, props, has_functions = 0, dict[str, int](), dict[str, str](), False
    walk = _GraphWalk()
    has_graph = False
    for number, value in _fields(memoryview(data)):
        match number, value:
            case 1, int():
                ir_version = value
            case 7, memoryview():
                has_graph = True
                walk.graph(value, depth=0)
            case 8, memoryview():
                entry = dict(_fields(value))
                version = entry.get(2, 0)
                opsets[_text(entry.get(1, b""))] = version if isinstance(version, int) else 0
            case 14, memoryview():
                entry = dict(_fields(value))
                props[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
            case 25, _:
                has_functions = True
    if not has_graph:
        raise ModelFormatError("not an ONNX model: it has no graph")
    return ModelSummary(ir_version, opsets, frozenset(walk.domains), props, walk.has_external_data, has_functions)


class _GraphWalk:
    """Collects operator domains and external data over a graph and its subgraphs."""

    def __init__(self) -> None:
        self.domains: set[str] = set()
        self.has_external_data = False

    def graph(self, data: memoryview, depth: int) -> None:
        if depth > _MAX_GRAPH_DEPTH:
            raise ModelFormatError(f"subgraphs are nested more than {_MAX_GRAPH_DEPTH} deep")
        for number, value in _fields(data):
            if not isinstance(value, memoryview):
                continue
            if number == 1:
                self._node(value, depth)
            elif number == 5:
                self._tensor(value)
            elif number == 15:
                self._sparse_tensor(value)

    def _node(self, data: memoryview, depth: int) -> None:
        domain = ""
        for number, value in _fields(data):
            if number == 7 and isinstance(value, memoryview):
                domain = _text(value)
            elif number == 5 and isinstance(value, memoryview):
                self._attribute(value, depth)
        self.domains.add("" if domain == "ai.onnx" else domain)

    def _attribute(self, data: memoryview, depth: int) -> None:
        for number, value in _fields(data):
            if not isinstance(value, memoryview):
                continue
            if number in (5, 10):
                self._tensor(value)
            elif number in (6, 11):
                self.graph(value, depth + 1)
            elif number in (22, 23):
                self._sparse_tensor(value)

    def _sparse_tensor(self, data: memoryview) -> None:
        for number, value in _fields(data):
            if number in (1, 2) and isinstance(value, memoryview):
                self._tensor(value)

    def _tensor(self, data: memoryview) -> None:
        for number, value in _fields(data):
            if number == 13 or (number == 14 and value == _EXTERNAL):
                self.has_external_data = True


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of one message; nested messages stay undecoded views."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind == _FIXED64:
            length = 8
        elif kind == _FIXED32:
            length = 4
        else:
            raise ModelFormatError("not an ONNX model: its bytes are not protobuf")
        if number == 0 or position + length > end:
            raise ModelFormatError("not a whole ONNX model: it is damaged or cut short")
        yield number, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ModelFormatError("not a whole ONNX model: it is damaged or cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ModelFormatError("not an ONNX model: its bytes are not protobuf")


def _text(value: int | memoryview | bytes) -> str:
    if isinstance(value, int):
        raise ModelFormatError("not an ONNX model: a number where text belongs")
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError("not an ONNX model: text that is not UTF-8") from error
