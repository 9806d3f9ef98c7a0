"""Is the converted graph what the contract promises, and nothing else?"""

from collections import Counter

import onnx

from edge_infer.errors import ModelFormatError
from edge_infer.model_file.onnx_wire import summarize
from edge_infer.model_file.operators import check_operators
from edge_infer.runtime.session import KNOWN_NAME
from export.errors import GraphError

MAX_IR_VERSION = 10
MAX_OPSET = 17
MAX_TRANSPOSES = 1  # pictures come in as NHWC, convolutions want NCHW: once, at the entrance


def operator_histogram(model: onnx.ModelProto) -> dict[str, int]:
    """Return how often each operator occurs, by name."""
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def check_graph(model: onnx.ModelProto) -> None:
    """Check a model against the contract.

    Raises:
        GraphError: Invalid ONNX; an operator that is not standard ONNX; a newer opset or
            IR version; external data; a Transpose that is not at the entrance; an output `known` that is
            no number for each picture.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
        summary = summarize(model.SerializeToString())
        check_operators(summary)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"the converted graph is not valid ONNX: {error}") from error
    except ModelFormatError as error:
        raise GraphError(f"the converted graph is not what edge-infer runs: {error}") from error
    if set(summary.opsets) != {""}:
        raise GraphError(f"the converted graph uses operators outside standard ONNX: {sorted(summary.opsets)}")
    if summary.opsets[""] > MAX_OPSET or summary.ir_version > MAX_IR_VERSION:
        raise GraphError(
            f"the converted graph needs opset {summary.opsets['']} and IR version {summary.ir_version}, "
            f"more than {MAX_OPSET} and {MAX_IR_VERSION}"
        )
    _check_transposes(model.graph)
    _check_known(model.graph)


def _check_transposes(graph: onnx.GraphProto) -> None:
    """Refuse reordering between layers, but before a Flatten whose order more than one Dense layer depends on."""
    first_conv = next((i for i, node in enumerate(graph.node) if node.op_type == "Conv"), len(graph.node))
    flattened = {node.input[0] for node in graph.node if node.op_type in ("Reshape", "Flatten")}
    transposes = [
        i for i, node in enumerate(graph.node) if node.op_type == "Transpose" and node.output[0] not in flattened
    ]
    if len(transposes) > MAX_TRANSPOSES or any(i > first_conv for i in transposes):
        names = ", ".join(graph.node[i].name for i in transposes)
        raise GraphError(f"the converted graph transposes between layers: {names}")


def _check_known(graph: onnx.GraphProto) -> None:
    for output in graph.output:
        tensor = output.type.tensor_type
        axes = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
        is_number_each = tensor.elem_type == onnx.TensorProto.FLOAT and len(axes) == 1 and isinstance(axes[0], str)
        if output.name == KNOWN_NAME and not is_number_each:
            kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
            raise GraphError(f"the converted graph's output {KNOWN_NAME} is {kind} {axes}, not float ['N']")
