"""A part of a graph, run from values that are known: what leads to them is not computed again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import helper

from edge_infer.model_file.metadata import WeightBits
from edge_infer.runtime.session import session_options
from export.conversion.convert import standard_model

Values = Mapping[str, npt.NDArray[Any]]  # by name


def cut_before(graph: onnx.GraphProto, node: str) -> list[str]:
    """Return the values from which a node, and all that depends on what it reads, can be computed.

    Args:
        graph: Its nodes in topological order.
        node: The node's name.
    """
    constants = {tensor.name for tensor in graph.initializer}
    read = {source for each in graph.node if each.name == node for source in each.input} - constants
    depending, sources = set(read), dict.fromkeys(sorted(read))
    for each in graph.node:
        if depending.intersection(each.input):
            sources |= dict.fromkeys(source for source in each.input if source not in constants | depending)
            depending.update(each.output)
    return [source for source in sources if source]  # an input that is left out has no name


def run_part(model: onnx.ModelProto, known: Values, wanted: Sequence[str], weight_bits: WeightBits | None) -> Values:
    """Compute values of a graph.

    Args:
        model: The model.
        known: Values that decide those wanted: the picture, or others.
        wanted: Their names.
        weight_bits: As in the model's metadata.
    """
    missing = [name for name in wanted if name not in known]
    found = {name: known[name] for name in wanted if name in known}
    if not missing:
        return found
    part = _part(model.graph, known, missing)
    options = session_options(weight_bits)
    session = ort.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])
    read = {value.name: known[value.name] for value in session.get_inputs()}
    return found | dict(zip(missing, session.run(missing, read), strict=True))


def _part(graph: onnx.GraphProto, known: Values, wanted: Sequence[str]) -> onnx.ModelProto:
    made_by = {output: node for node in graph.node for output in node.output}
    needed: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            if name not in known and name in made_by:
                pending += made_by[name].input
    return standard_model(
        helper.make_graph(
            [node for node in graph.node if needed.difference(known).intersection(node.output)],
            graph.name,
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim)
                for name, value in known.items()
                if name in needed
            ],
            [helper.make_empty_tensor_value_info(name) for name in wanted],
            [tensor for tensor in graph.initializer if tensor.name in needed],
        )
    )
