from dataclasses import replace

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.conversion.graph import check_graph, operator_histogram
from export.errors import GraphError
from tests.support.tiny_model import METADATA, tiny_model


def transposing_model(*, inside: bool) -> onnx.ModelProto:
    import numpy as np

    kernel = numpy_helper.from_array(np.zeros((3, 3, 1, 1), np.float32), "kernel")
    turn = helper.make_node("Transpose", ["turned_in"], ["turned"], name="turn", perm=[0, 1, 3, 2])
    convolution = helper.make_node("Conv", ["conv_in", "kernel"], ["conv"], name="conv")
    ends = {"x", "y"}
    if inside:
        convolution.input[0], turn.input[0], turn.output[0] = "x", "conv", "y"
        nodes = [convolution, turn]
    else:
        turn.input[0], convolution.input[0], convolution.output[0] = "x", "turned", "y"
        nodes = [turn, convolution]
    values = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["N", 3, 4, 4]) for end in sorted(ends)]
    graph = helper.make_graph(nodes, "g", [values[0]], [values[1]], [kernel])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_the_contract_is_accepted():
    check_graph(tiny_model())


def test_the_histogram_counts_operators():
    assert operator_histogram(tiny_model()) == {"Add": 1, "Cast": 1, "MatMul": 1, "ReduceMean": 1, "Softmax": 1}


def test_an_output_known_is_accepted():
    check_graph(tiny_model(replace(METADATA, min_known=0.5)))


@pytest.mark.parametrize(
    ("elem_type", "axes", "shown"),
    [
        (TensorProto.FLOAT, ["N", 1], r"float \['N', 1\]"),
        (TensorProto.FLOAT, [1], r"float \[1\]"),
        (TensorProto.DOUBLE, ["N"], r"double \['N'\]"),
    ],
)
def test_an_output_known_that_is_no_number_for_each_picture_is_refused(elem_type: int, axes: list[object], shown: str):
    model = tiny_model(replace(METADATA, min_known=0.5))
    if axes == ["N", 1]:
        model.graph.node.pop()
        model.graph.node[-1].output[0] = "known"
    elif elem_type == TensorProto.DOUBLE:
        model.graph.node[-1].output[0] = "float"
        model.graph.node.append(helper.make_node("Cast", ["float"], ["known"], to=TensorProto.DOUBLE))
    model.graph.output[1].CopyFrom(helper.make_tensor_value_info("known", elem_type, axes))

    with pytest.raises(GraphError, match=f"graph's output known is {shown}, not float"):
        check_graph(model)


def test_a_transpose_at_the_entrance_is_accepted():
    check_graph(transposing_model(inside=False))


def test_a_transpose_between_layers_is_refused():
    with pytest.raises(GraphError, match="transposes between layers: turn"):
        check_graph(transposing_model(inside=True))


def test_a_transpose_before_a_flatten_is_accepted():
    model = transposing_model(inside=True)
    model.graph.node[1].output[0] = "turned"
    model.graph.node.append(helper.make_node("Flatten", ["turned"], ["y"], axis=1))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 48]))
    check_graph(model)


def test_foreign_operators_are_refused():
    model = tiny_model()
    model.graph.node[0].domain = "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with pytest.raises(GraphError, match=r"not what edge-infer runs: it uses operators of 'com\.microsoft'"):
        check_graph(model)


def test_an_opset_beside_standard_onnx_is_refused():
    model = tiny_model()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with pytest.raises(GraphError, match=r"outside standard ONNX: \['', 'com\.microsoft'\]"):
        check_graph(model)


@pytest.mark.parametrize(("opset", "ir_version"), [(18, 8), (17, 11)])
def test_newer_formats_are_refused(opset: int, ir_version: int):
    model = transposing_model(inside=False)
    model.opset_import[0].version, model.ir_version = opset, ir_version

    with pytest.raises(GraphError, match=f"needs opset {opset} and IR version {ir_version}"):
        check_graph(model)


def test_invalid_onnx_is_refused():
    model = tiny_model()
    model.graph.node[1].input[0] = "nowhere"

    with pytest.raises(GraphError, match="not valid ONNX"):
        check_graph(model)
