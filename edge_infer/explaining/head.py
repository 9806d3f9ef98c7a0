"""Find a classifier's head in its graph: which values must be known to divide its answer over places.

Only heads whose logits are a sum over channels of maps can be divided exactly: a Dense layer on maps that were
pooled, and at most scaled or root-normalized in between. `find_head` follows the graph from the answer back to the maps
and returns None as soon as it meets anything else, such as a Flatten or a hidden layer.
"""

from dataclasses import dataclass

from edge_infer.model_file.onnx_graph import Graph, Node
from edge_infer.runtime.session import KNOWN_NAME, OUTPUT_NAME

_MOST_PARTS = 64  # that are joined; two blocks, each of object and scene, are four
_QUANTIZATION = ("QuantizeLinear", "DequantizeLinear", "Identity", "Cast")
# What may lie between the Dense layer and the softmax: one factor for all classes, and the choice of the classes.
_AFTER_DENSE = (*_QUANTIZATION, "Mul", "Div", "Slice", "Squeeze")
# What may lie between pooled maps and the Dense layer: every channel for itself, and one divisor for all.
_CHANNELWISE = (*_QUANTIZATION, "Max", "Sqrt", "Div", "Relu", "Squeeze", "Reshape", "Flatten")
_AVERAGES = ("GlobalAveragePool", "AveragePool", "ReduceMean")


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pooled maps, by the names of the values.

    Attributes:
        maps: The maps `[N, C, h, w]`.
        pooled: What was made of them, `[N, C]`, `[N, C, 1, 1]` or `[N, C, g, g]`.
        weights: Weight of each cell `[N, 1, h, w]`; None for plain averages.
        shrunk: The maps after blocks of their cells were averaged, to which the weights belong; None if they were not.
        features: What the Dense layer takes of it, in order.
    """

    maps: str
    pooled: str
    weights: str | None
    shrunk: str | None
    features: str


@dataclass(frozen=True, slots=True)
class Head:
    """A Dense layer on pooled maps, by the names of the values.

    Attributes:
        logits: `[N, K]`.
        features: `[N, D]`.
        kernel: `[D, K]`, or `[K, D]`; a constant.
        bias: `[K]`; a constant, or None.
        parts: Where the features come from, in their order.
    """

    logits: str
    features: str
    kernel: str
    bias: str | None
    parts: tuple[Pooled, ...]


@dataclass(frozen=True, slots=True)
class KnownHead:
    """`known = sigmoid(scale (log sum_c exp(u_c) - u_none)) sigmoid(u_familiar)`, by the names of the values.

    Attributes:
        head: Gives u: the classes', "none of these" and familiarity, `[N, C + 2]`.
        energy: What the first sigmoid takes, `[N]`.
        familiar: What the second one takes, `[N]`.
        scale: A constant; None for 1.
    """

    head: Head
    energy: str
    familiar: str
    scale: str | None


def find_head(graph: Graph) -> Head | None:
    """Return the head that gives the class probabilities; None if it cannot be divided exactly."""
    softmax = graph.made_by.get(OUTPUT_NAME)
    if softmax is None or softmax.operator != "Softmax":
        return None
    return _dense_on_pooled(graph, softmax.inputs[0])


def find_known(graph: Graph) -> KnownHead | None:
    """Return the head that gives `known`; None if there is none, or none that can be divided."""
    product = graph.made_by.get(KNOWN_NAME)
    if product is None or product.operator != "Mul":
        return None
    sigmoids = [graph.made_by.get(name) for name in product.inputs]
    arguments = [node.inputs[0] for node in sigmoids if node is not None and node.operator == "Sigmoid"]
    if len(arguments) != 2:
        return None
    makers = [graph.made_by.get(name) for name in arguments]
    chosen = [node is not None and node.operator in ("Squeeze", "Slice") for node in makers]
    if chosen not in ([True, False], [False, True]):
        return None
    familiar, energy = arguments[chosen.index(True)], arguments[chosen.index(False)]
    head = _dense_on_pooled(graph, familiar)
    scaling = graph.made_by[energy]
    scales = [name for name in scaling.inputs if graph.is_constant(name)] if scaling.operator == "Mul" else []
    return None if head is None else KnownHead(head, energy, familiar, scales[0] if scales else None)


def _dense_on_pooled(graph: Graph, name: str) -> Head | None:
    node = graph.made_by.get(name)
    while node is not None and node.operator in _AFTER_DENSE:
        name = _computed(graph, node)
        node = graph.made_by.get(name)
    if node is None:
        return None
    bias = None
    product = node
    if node.operator == "Add":
        bias = next((source for source in node.inputs if graph.is_constant(source)), None)
        product = graph.made_by.get(_computed(graph, node), node)
    elif node.operator == "Gemm":
        bias = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2] else None
    if product.operator not in ("MatMul", "Gemm") or not graph.is_constant(product.inputs[1]):
        return None
    features = product.inputs[0]
    parts = _parts(graph, features)
    return None if parts is None else Head(name, features, product.inputs[1], bias, parts)


def _parts(graph: Graph, features: str) -> tuple[Pooled, ...] | None:
    """Return where features come from, joined ones in their order."""
    found: list[Pooled] = []
    waiting = [features]
    while waiting and len(found) + len(waiting) <= _MOST_PARTS:
        name = waiting.pop(0)
        while (node := graph.made_by.get(name)) is not None and node.operator in _QUANTIZATION:
            name = node.inputs[0]
        if node is not None and node.operator == "Concat":
            waiting = [*node.inputs, *waiting]
        elif (part := _pooled(graph, name)) is not None:
            found.append(part)
        else:
            return None
    return None if waiting else tuple(found)


def _pooled(graph: Graph, features: str) -> Pooled | None:
    name = features
    while (node := graph.made_by.get(name)) is not None:
        if (found := _weighted(graph, node)) is not None:
            maps, weights = found
            shrinking = graph.made_by.get(maps)
            if shrinking is not None and shrinking.operator == "AveragePool":
                return Pooled(shrinking.inputs[0], name, weights, maps, features)
            return Pooled(maps, name, weights, None, features)
        if node.operator in _AVERAGES:
            return Pooled(node.inputs[0], name, None, None, features)
        if node.operator not in _CHANNELWISE:
            return None
        name = _computed(graph, node)
    return None


def _weighted(graph: Graph, node: Node) -> tuple[str, str] | None:
    """Return maps and weights of `sum_i w(i) x(i) / sum_i w(i)`."""
    if node.operator != "Div":
        return None
    total, mass = (graph.made_by.get(name) for name in node.inputs)
    if total is None or mass is None or not total.operator == mass.operator == "ReduceSum":
        return None
    product, weights = graph.made_by.get(total.inputs[0]), mass.inputs[0]
    if product is None or product.operator != "Mul" or weights not in product.inputs:
        return None
    (maps,) = [name for name in product.inputs if name != weights] or (weights,)
    return None if maps == weights else (maps, weights)


def _computed(graph: Graph, node: Node) -> str:
    """Return the first input that is not a constant."""
    return next((name for name in node.inputs if not graph.is_constant(name)), "")
