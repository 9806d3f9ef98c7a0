"""The nodes of an ONNX file, and the same file with more of its values named as outputs.

Both work on the protobuf bytes, as `edge_infer.model_file.onnx_wire` does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from edge_infer.model_file.onnx_wire import Walk, as_text

_MODEL_GRAPH, _GRAPH_OUTPUT = 7, 12
_OF_CONSTANTS = frozenset({"Constant", "DequantizeLinear", "Identity", "Cast"})
_FLOAT_TENSOR = bytes([0x0A, 2, 0x08, 1])  # TypeProto: tensor_type { elem_type: FLOAT }


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        operator: Its name, such as `Conv`.
        inputs: Names of the values it reads; empty names for those left out.
        outputs: Names of the values it makes.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """What a graph computes, by the names of its values.

    Attributes:
        nodes: In the file's order.
        initializers: Names of its constants.
    """

    nodes: tuple[Node, ...]
    initializers: frozenset[str]

    @cached_property
    def made_by(self) -> dict[str, Node]:
        """The node that makes each value; the constants and the picture have none."""
        return {output: node for node in self.nodes for output in node.outputs}

    @property
    def is_ordered(self) -> bool:
        """Whether each node comes behind those that make what it reads, as ONNX wants it."""
        to_come = set(self.made_by)
        for node in self.nodes:
            if not to_come.isdisjoint(node.inputs):
                return False
            to_come.difference_update(node.outputs)
        return True

    @cached_property
    def constants(self) -> frozenset[str]:
        """The values that are the same for every picture: constants, and what is dequantized from constants."""
        found = {"", *self.initializers}  # an input that is left out has no name
        for node in self.nodes:  # which come behind what they read
            if node.operator in _OF_CONSTANTS and found.issuperset(node.inputs):
                found.update(node.outputs)
        return frozenset(found)

    def is_constant(self, name: str) -> bool:
        """Return whether a value is the same for every picture."""
        return name in self.constants


def read_graph(data: bytes) -> Graph:
    """Read the nodes and the names of the constants of a model that `summarize` has accepted.

    Raises:
        ModelFormatError: As in `edge_infer.model_file.onnx_wire.summarize`.
    """
    walk = Walk()
    nodes: list[Node] = []
    initializers: set[str] = set()
    for number, graph in walk.fields(memoryview(data)):
        if number != _MODEL_GRAPH or isinstance(graph, int):
            continue
        for kind, value in walk.fields(graph):
            if kind == 1 and not isinstance(value, int):
                nodes.append(_node(walk, value))
            elif kind == 5 and not isinstance(value, int):
                initializers.update(as_text(name) for field, name in walk.fields(value) if field == 8)
    return Graph(tuple(nodes), frozenset(initializers))


def with_outputs(data: bytes, names: Iterable[str]) -> bytes:
    """Return a model that has some of its float values as outputs too; what it computes stays the same.

    The outputs are appended as one more `graph` field: readers of protobuf merge the fields of a message that
    comes twice, and join its lists.
    """
    outputs = b"".join(_field(_GRAPH_OUTPUT, _field(1, name.encode()) + _field(2, _FLOAT_TENSOR)) for name in names)
    return data + _field(_MODEL_GRAPH, outputs)


def _node(walk: Walk, data: memoryview) -> Node:
    operator, inputs, outputs = "", list[str](), list[str]()
    for number, value in walk.fields(data):
        if number == 1:
            inputs.append(as_text(value))
        elif number == 2:
            outputs.append(as_text(value))
        elif number == 4:
            operator = as_text(value)
    return Node(operator, tuple(inputs), tuple(outputs))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
