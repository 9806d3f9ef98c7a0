"""Read an ONNX file's description straight from its protobuf bytes.

Before a runtime parses a model (and would open files it points to), the loader wants
to know what it says of itself, which operators it uses and whether it keeps data
elsewhere. That is a walk over a few kilobytes; depending on `onnx` for it would cost
the device a 40 MB package. Field numbers are those of `onnx.proto3`
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3), the encoding is protobuf's
(https://protobuf.dev/programming-guides/encoding/).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_infer.errors import ModelFormatError

# Far more than any network here has (the face detector: 370 nodes, 7,400 fields), and little
# enough that a file made of nothing else is refused within a second.
MAX_NODES = 10_000
MAX_FIELDS = 500_000
MAX_TEXT_BYTES = 1_000_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_RANK = 16
_VALUES_A_BYTE = 8  # no tensor type packs more values into a byte


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What an ONNX file is made of.

    Attributes:
        ir_version: Version of the file format.
        opsets: Operator-set version by domain; `""` is standard ONNX.
        domains: Domains of the operators in use.
        operators: Names of the operators in use, whatever their domain.
        metadata_props: The free-form key/value pairs.
        has_external_data: Whether any tensor is kept outside the file.
        extras: What it holds beside nodes and dense tensors, in words: functions of its own,
            control flow (subgraphs, which are not looked into), sparse tensors, training steps.
    """

    ir_version: int
    opsets: dict[str, int]
    domains: frozenset[str]
    operators: frozenset[str]
    metadata_props: dict[str, str]
    has_external_data: bool
    extras: frozenset[str]


def summarize(data: bytes) -> ModelSummary:
    """Walk a serialized `ModelProto` without copying its weights, in bounded time.

    Raises:
        ModelFormatError: Not protobuf, cut short, without a graph, beyond a limit above, or
            with a tensor that claims more values than the file holds.
    """
    ir_version, opsets, props = 0, dict[str, int](), dict[str, str]()
    walk = Walk()
    has_graph = False
    for number, value in walk.fields(memoryview(data)):
        match number, value:
            case 1, int():
                ir_version = value
            case 7, memoryview():
                has_graph = True
                walk.graph(value)
            case 8, memoryview():
                entry = dict(walk.fields(value))
                version = entry.get(2, 0)
                opsets[as_text(entry.get(1, b""))] = version if isinstance(version, int) else 0
            case 14, memoryview():
                entry = dict(walk.fields(value))
                props[as_text(entry.get(1, b""))] = as_text(entry.get(2, b""))
            case 20, _:
                walk.extras.add("training steps")
            case 25, _:
                walk.extras.add("functions of its own")
    if not has_graph:
        raise ModelFormatError("not an ONNX model: it has no graph")
    return ModelSummary(
        ir_version,
        opsets,
        frozenset(walk.domains),
        frozenset(walk.operators),
        props,
        walk.has_external_data,
        frozenset(walk.extras),
    )


class Walk:
    """Collects what a graph uses, and keeps count so that no file takes long."""

    def __init__(self) -> None:
        self.domains: set[str] = set()
        self.operators: set[str] = set()
        self.extras: set[str] = set()
        self.has_external_data = False
        self._nodes = 0
        self._fields = 0

    def graph(self, data: memoryview) -> None:
        """Take in a `GraphProto`."""
        for number, value in self.fields(data):
            if number == 15:
                self.extras.add("sparse tensors")
            elif number == 1 and isinstance(value, memoryview):
                self._node(value)
            elif number == 5 and isinstance(value, memoryview):
                self._tensor(value)

    def _node(self, data: memoryview) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ModelFormatError(f"it has more than {MAX_NODES} nodes")
        domain = operator = ""
        for number, value in self.fields(data):
            if number == 4:
                operator = as_text(value)
            elif number == 7:
                domain = as_text(value)
            elif number == 5 and isinstance(value, memoryview):
                self._attribute(value)
        self.domains.add("" if domain == "ai.onnx" else domain)
        self.operators.add(operator)

    def _attribute(self, data: memoryview) -> None:
        for number, value in self.fields(data):
            if number in (5, 10) and isinstance(value, memoryview):
                self._tensor(value)
            elif number in (6, 11):
                self.extras.add("control flow")
            elif number in (22, 23):
                self.extras.add("sparse tensors")

    def _tensor(self, data: memoryview) -> None:
        shape: list[int] = []
        is_external = False
        for number, value in self.fields(data):
            if number == 1:
                # Repeated numbers come one by one or packed into one field; readers take both.
                shape += [value] if isinstance(value, int) else _packed(value)
            elif number == 13 or (number == 14 and value):
                is_external = True
        self.has_external_data |= is_external
        if len(shape) > _MAX_RANK:
            raise ModelFormatError(f"a tensor has more than {_MAX_RANK} axes")
        if not is_external and math.prod(shape) > _VALUES_A_BYTE * len(data):
            raise ModelFormatError("a tensor claims more values than the file holds")

    def fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Yield (field number, value) of one message; nested messages stay undecoded views."""
        position, end = 0, len(data)
        while position < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise ModelFormatError(f"it has more than {MAX_FIELDS} fields")
            tag, position = _varint(data, position)
            number, kind = tag >> 3, tag & 7
            # Of more than 32 bits, onnxruntime would drop the upper ones and see another field than this walk.
            if tag >> 32 or number == 0:
                raise ModelFormatError("not an ONNX model: its bytes are not protobuf")
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
            if position + length > end:
                raise ModelFormatError("not a whole ONNX model: it is damaged or cut short")
            yield number, data[position : position + length]
            position += length


def _packed(data: memoryview) -> list[int]:
    numbers: list[int] = []
    position = 0
    while position < len(data) and len(numbers) <= _MAX_RANK:
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers


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


def as_text(value: int | memoryview | bytes) -> str:
    """Return a field's value as text.

    Raises:
        ModelFormatError: It is a number, too long or not UTF-8.
    """
    if isinstance(value, int):
        raise ModelFormatError("not an ONNX model: a number where text belongs")
    if len(value) > MAX_TEXT_BYTES:
        raise ModelFormatError(f"it has a text of more than {MAX_TEXT_BYTES} bytes")
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError("not an ONNX model: text that is not UTF-8") from error
