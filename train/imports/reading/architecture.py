"""Keras' JSON of a model -> networks, layers and calls in plain records, whichever Keras wrote it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeGuard

from train.errors import KerasFileError

MAX_LAYERS = 20_000
MAX_NESTING = 16
_NETWORKS = frozenset({"Sequential", "Functional", "Model"})


@dataclass(frozen=True, slots=True)
class Ref:
    """One output of one call: of which layer, which of its calls, which of its outputs."""

    layer: str
    call: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer.

    Attributes:
        layer: Its name.
        inputs: The tensors it is given, in order.
        arguments: What else it is given, by position or name: numbers, lists, texts.
    """

    layer: str
    inputs: tuple[Ref, ...]
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A layer that is not a network of its own.

    Attributes:
        kind: The name of its class.
        name: Its own name.
        config: Its settings, as saved.
        path: Names from the outermost network down to it.
        store: Where a `.weights.h5` of Keras 3 keeps its numbers.
    """

    kind: str
    name: str
    config: dict[str, Any]
    path: tuple[str, ...]
    store: str

    @property
    def is_trainable(self) -> bool:
        """Whether it was trained when the model was saved."""
        return self.config.get("trainable") is not False


@dataclass(frozen=True, slots=True)
class Network:
    """A Sequential or Functional model.

    Attributes:
        name: Its name.
        layers: What it is made of, by name, in the order of the file.
        calls: How they are connected.
        inputs: What comes in.
        outputs: What goes out.
        output_names: What the model's author calls each output, where that is not the layer that gives it.
    """

    name: str
    layers: "dict[str, Leaf | Network]"
    calls: tuple[Call, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    output_names: tuple[str, ...] = ()

    def leaves(self) -> Iterator[Leaf]:
        """Yield all layers, of nested networks too, in the order of the file."""
        for layer in self.layers.values():
            if isinstance(layer, Leaf):
                yield layer
            else:
                yield from layer.leaves()


def parse_architecture(architecture: dict[str, Any], name: str) -> Network:
    """Parse a model's JSON.

    Args:
        architecture: From `train.imports.reading.keras_file`.
        name: What messages call the file.

    Raises:
        KerasFileError: No Sequential or Functional model, or one that does not hold together.
    """
    parser = _Parser(name)
    try:
        return parser.network(architecture, (), "")
    except KerasFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise KerasFileError(f"{name} is damaged: its architecture lacks {str(error)[:60] or 'something'}") from error


class _Parser:
    def __init__(self, file: str) -> None:
        self._file = file
        self._layers = 0

    def network(self, record: dict[str, Any], path: tuple[str, ...], store: str) -> Network:
        kind, config = record["class_name"], record["config"]
        if kind not in _NETWORKS:
            raise KerasFileError(
                f"{self._file} holds a {str(kind)[:60]}, a class of its own: only Sequential and Functional models can "
                "be read without running their code"
            )
        if len(path) > MAX_NESTING:
            raise KerasFileError(f"{self._file} is refused: its networks are nested too deep")
        if isinstance(config, list):  # as Keras wrote Sequential models until 2.2
            config = {"name": record.get("name", "sequential"), "layers": config}
        if not isinstance(config.get("layers"), list):
            raise KerasFileError(f"{self._file} is damaged: its model has no layers")
        name = str(config.get("name", kind))
        layers, counts = {}, Counter[str]()
        records = config["layers"]
        for item in records:
            layer = self._layer(item, path, store, counts)
            own = str(item.get("name") or layer.name)
            if own in layers:
                raise KerasFileError(f"{self._file} is damaged: it has two layers {own[:60]!r}")
            layers[own] = layer
        if kind == "Sequential" and "input_layers" not in config:
            return self._sequential(name, layers, config)
        calls = [call for item in records for call in _calls(item)]
        inputs, outputs = (_refs_of_ends(config[key]) for key in ("input_layers", "output_layers"))
        calls, outputs = _renumbered(
            calls, outputs, {key for key, layer in layers.items() if isinstance(layer, Network)}
        )
        named = config["output_layers"]
        return Network(name, layers, tuple(calls), inputs, outputs, tuple(named) if isinstance(named, dict) else ())

    def _layer(self, item: dict[str, Any], path: tuple[str, ...], store: str, counts: Counter[str]) -> "Leaf | Network":
        self._layers += 1
        if self._layers > MAX_LAYERS:
            raise KerasFileError(f"{self._file} is refused: it has more than {MAX_LAYERS:,} layers")
        kind, config = str(item["class_name"]), item["config"]
        slot = _snake_case(kind)
        numbered = f"{slot}_{counts[slot]}" if counts[slot] else slot
        counts[slot] += 1
        inner_store = f"{store}layers/{numbered}"
        if kind in _NETWORKS:
            named = config.get("name") if isinstance(config, dict) else None
            return self.network(item, (*path, str(item.get("name") or named or kind)), f"{inner_store}/")
        name = str(config.get("name") or item.get("name") or kind)
        return Leaf(kind, name, config, (*path, name), inner_store)

    def _sequential(self, name: str, layers: "dict[str, Leaf | Network]", config: dict[str, Any]) -> Network:
        names = list(layers)
        if not names:
            raise KerasFileError(f"{self._file} is damaged: its model has no layers")
        first = layers[names[0]]
        if not (isinstance(first, Leaf) and first.kind == "InputLayer"):
            shape = config.get("build_input_shape")
            if isinstance(first, Leaf):
                shape = first.config.get("batch_input_shape") or first.config.get("batch_shape") or shape
            elif isinstance(inner := next(first.leaves(), None), Leaf) and inner.kind == "InputLayer":
                shape = inner.config.get("batch_shape") or inner.config.get("batch_input_shape") or shape
            start = Leaf("InputLayer", "", {"batch_shape": shape}, ("",), "")
            layers, names = {"": start, **layers}, ["", *names]
        calls = [Call(names[0], ()), *(Call(to, (Ref(of),)) for of, to in pairwise(names))]
        return Network(name, layers, tuple(calls), (Ref(names[0]),), (Ref(names[-1]),))


def _renumbered(calls: list[Call], outputs: tuple[Ref, ...], nested: set[str]) -> tuple[list[Call], tuple[Ref, ...]]:
    """Count the calls of nested networks from 0: for Keras 2 the first is the one in which such a network was made."""
    counts = Counter(call.layer for call in calls)
    surplus = dict.fromkeys(nested, 0)
    for ref in (*outputs, *(ref for call in calls for ref in call.inputs)):
        if ref.layer in surplus:
            surplus[ref.layer] = max(surplus[ref.layer], ref.call + 1 - counts[ref.layer])

    def own(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple(replace(ref, call=ref.call - surplus.get(ref.layer, 0)) for ref in refs)

    return [replace(call, inputs=own(call.inputs)) for call in calls], own(outputs)


def _calls(item: dict[str, Any]) -> Iterator[Call]:
    name = str(item.get("name") or item["config"]["name"])
    nodes = item.get("inbound_nodes") or []
    if not nodes:
        yield Call(name, ())
    for node in nodes:
        if isinstance(node, dict):  # Keras 3
            yield _call_of_keras_3(name, node)
        elif _is_ref_of_keras_2(node):  # Keras 2, of an operation on one tensor
            yield _call_of_keras_2(name, [node])
        else:
            yield _call_of_keras_2(name, node)


def _call_of_keras_3(name: str, node: dict[str, Any]) -> Call:
    inputs: list[Ref] = []
    arguments: dict[str, Any] = {}
    for key, value in [*enumerate(node.get("args", [])), *node.get("kwargs", {}).items()]:
        refs = _refs_in(value)
        if refs is None and value is not None:
            arguments[str(key)] = value
        inputs += refs or []
    return Call(name, tuple(inputs), arguments)


def _refs_in(value: Any) -> list[Ref] | None:  # noqa: ANN401  # a JSON value
    """Return the tensors that an argument is made of; None if it is none."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        layer, call, output = value["config"]["keras_history"]
        return [Ref(str(layer), int(call), int(output))]
    if isinstance(value, list) and value:
        found = [_refs_in(item) for item in value]
        if all(refs is not None for refs in found):
            return [ref for refs in found if refs for ref in refs]
    return None


def _is_ref_of_keras_2(node: Any) -> TypeGuard[list[Any]]:  # noqa: ANN401  # a JSON value
    return isinstance(node, list) and len(node) in (3, 4) and isinstance(node[0], str) and isinstance(node[1], int)


def _call_of_keras_2(name: str, node: list[Any]) -> Call:
    inputs: list[Ref] = []
    arguments: dict[str, Any] = {}
    for entry in node:
        layer, call, output = entry[:3]
        if layer == "_CONSTANT_VALUE":
            arguments["0"] = output
        else:
            inputs.append(Ref(str(layer), int(call), int(output)))
        for key, value in (entry[3] if len(entry) > 3 else {}).items():
            if _is_ref_of_keras_2(value):
                inputs.append(Ref(str(value[0]), int(value[1]), int(value[2])))
            elif value is not None:
                arguments[str(key)] = value
    return Call(name, tuple(inputs), arguments)


def _refs_of_ends(value: Any) -> tuple[Ref, ...]:  # noqa: ANN401  # a JSON value
    """Read `["input", 0, 0]` or a list or mapping of such."""
    if isinstance(value, dict):
        value = list(value.values())
    if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
        value = [value]
    return tuple(Ref(str(layer), int(call), int(output)) for layer, call, output in value)


def _snake_case(name: str) -> str:
    """Name a layer's place among the weights by its class, as Keras does: `Conv2D` -> `conv2d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
