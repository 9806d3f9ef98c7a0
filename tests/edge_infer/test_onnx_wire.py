from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge_infer.errors import ModelFormatError
from edge_infer.onnx_wire import ModelSummary, summarize
from tests.tiny_model import tiny_model

TINY = tiny_model().SerializeToString()


def graph_of(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(nodes, "sub", [], [])


def node(op_type: str = "Identity", domain: str = "", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, ["mean"], ["unused"], domain=domain, **attributes)


def external(name: str = "weights") -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def sparse(values: onnx.TensorProto) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(values, numpy_helper.from_array(np.arange(4)), [9])


def with_node(added: onnx.NodeProto) -> bytes:
    model = tiny_model()
    model.graph.node.append(added)
    return model.SerializeToString()


def domains_by_onnx(graph: onnx.GraphProto) -> set[str]:
    domains = set()
    for each in graph.node:
        domains.add(each.domain)
        for attribute in each.attribute:
            for subgraph in [attribute.g, *attribute.graphs]:
                domains |= domains_by_onnx(subgraph)
    return domains


def assert_matches_onnx(data: bytes) -> ModelSummary:
    summary, model = summarize(data), onnx.load_from_string(data)
    assert summary.ir_version == model.ir_version
    assert summary.opsets == {opset.domain: opset.version for opset in model.opset_import}
    assert summary.metadata_props == {prop.key: prop.value for prop in model.metadata_props}
    assert summary.domains == domains_by_onnx(model.graph)
    assert summary.has_functions == bool(model.functions)
    return summary


def test_the_tiny_model_is_read_as_onnx_reads_it() -> None:
    summary = assert_matches_onnx(TINY)
    assert (summary.ir_version, summary.opsets, summary.domains) == (8, {"": 17}, {""})
    assert list(summary.metadata_props) == ["edge_infer"]
    assert not summary.has_external_data
    assert not summary.has_functions


def test_opsets_properties_and_ir_version_are_read_as_onnx_reads_them() -> None:
    model = tiny_model()
    model.ir_version = 300  # more than one varint byte
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    model.opset_import.append(helper.make_opsetid("été", 2**40))
    helper.set_model_props(model, {"a": "", "": "b", "long": "ü" * 1000})
    summary = assert_matches_onnx(model.SerializeToString())
    assert summary.opsets["été"] == 2**40


def test_a_repeated_property_keeps_its_last_value() -> None:
    model = tiny_model()
    for value in ("first", "last"):
        model.metadata_props.add(key="twice", value=value)
    assert summarize(model.SerializeToString()).metadata_props["twice"] == "last"


def test_the_two_names_of_standard_onnx_are_one_domain() -> None:
    assert summarize(with_node(node(domain="ai.onnx"))).domains == {""}


NESTINGS: dict[str, Callable[[onnx.NodeProto], onnx.NodeProto]] = {
    "top level": lambda inner: inner,
    "If": lambda inner: node("If", then_branch=graph_of(inner), else_branch=graph_of()),
    "else": lambda inner: node("If", then_branch=graph_of(), else_branch=graph_of(inner)),
    "Loop": lambda inner: node("Loop", body=graph_of(inner)),
    "Loop in If": lambda inner: node("If", then_branch=graph_of(node("Loop", body=graph_of(inner)))),
    "list of graphs": lambda inner: node("Custom", graphs=[graph_of(), graph_of(inner)]),
}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_domains_of_subgraphs_are_found(nesting: str) -> None:
    summary = assert_matches_onnx(with_node(NESTINGS[nesting](node("Foreign", domain="com.microsoft"))))
    assert summary.domains == {"", "com.microsoft"}


EXTERNAL_PLACES: dict[str, Callable[[], onnx.NodeProto]] = {
    "attribute tensor": lambda: node("Constant", value=external()),
    "attribute tensors": lambda: node("Custom", values=[numpy_helper.from_array(np.zeros(2)), external()]),
    "attribute sparse tensor": lambda: node("Constant", sparse_value=sparse(external())),
    "attribute sparse tensors": lambda: node("Custom", values=[sparse(external())]),
}


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("place", EXTERNAL_PLACES)
def test_external_data_of_a_node_is_found(place: str, nesting: str) -> None:
    assert summarize(with_node(NESTINGS[nesting](EXTERNAL_PLACES[place]()))).has_external_data


@pytest.mark.parametrize("nesting", NESTINGS)
def test_tensors_inside_the_file_are_no_external_data(nesting: str) -> None:
    inside = numpy_helper.from_array(np.zeros(4, np.float32), "inside")
    for inner in (node("Constant", value=inside), node("Constant", sparse_value=sparse(inside))):
        assert not summarize(with_node(NESTINGS[nesting](inner))).has_external_data


def test_external_data_of_an_initializer_is_found() -> None:
    model = tiny_model()
    model.graph.initializer.append(external())
    assert summarize(model.SerializeToString()).has_external_data


def test_external_data_of_a_subgraphs_initializer_is_found() -> None:
    body = graph_of()
    body.initializer.append(external())
    assert summarize(with_node(node("Loop", body=body))).has_external_data


@pytest.mark.parametrize("part", ["values", "indices"])
def test_external_data_of_a_sparse_initializer_is_found(part: str) -> None:
    model = tiny_model()
    tensor = sparse(numpy_helper.from_array(np.zeros(4, np.float32), "values"))
    getattr(tensor, part).CopyFrom(external())
    model.graph.sparse_initializer.append(tensor)
    assert summarize(model.SerializeToString()).has_external_data


@pytest.mark.parametrize("field", ["data_location", "external_data"])
def test_either_sign_of_external_data_is_enough(field: str) -> None:
    model, tensor = tiny_model(), external()
    tensor.ClearField(field)
    model.graph.initializer.append(tensor)
    assert summarize(model.SerializeToString()).has_external_data


def test_functions_are_found() -> None:
    model = tiny_model()
    model.functions.append(helper.make_function("own", "f", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], []))
    assert assert_matches_onnx(model.SerializeToString()).has_functions


def nested(depth: int) -> bytes:
    inner = node("Foreign", domain="deep")
    for _ in range(depth):
        inner = node("Loop", body=graph_of(inner))
    return with_node(inner)


def test_nesting_is_followed_to_its_limit_and_refused_beyond() -> None:
    assert "deep" in summarize(nested(8)).domains
    with pytest.raises(ModelFormatError, match="nested more than 8 deep"):
        summarize(nested(9))


@pytest.mark.parametrize("data", [b"", b"\x08\x08", onnx.ModelProto(ir_version=8).SerializeToString()])
def test_a_file_without_a_graph_is_no_model(data: bytes) -> None:
    with pytest.raises(ModelFormatError, match="no graph"):
        summarize(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x3a\x05abc", "cut short"),  # 5 bytes promised, 3 there
        (b"\x3a", "cut short"),
        (b"\x80", "cut short"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "cut short"),  # a length of 2**63 - 1
        (b"\xff" * 11, "not protobuf"),  # a number of more than 64 bits
        (b"\x3b", "not protobuf"),  # a group, which ONNX has none of
        (b"\x02\x00", "cut short"),  # field 0
        (b"\x42\x04\x0a\x02\xff\xfe", "not UTF-8"),
        (b"\x72\x02\x08\x01", "a number where text belongs"),
        (b"GIF89a", "not protobuf"),
        (b"<html><body>404</body></html>", "not protobuf|cut short"),
    ],
)
def test_what_is_not_onnx_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        summarize(data)


def test_every_cut_is_refused_or_has_lost_only_what_follows_the_graph() -> None:
    # Protobuf has no end mark: a cut between two top-level fields leaves a readable, smaller message.
    whole = 0
    for end in range(len(TINY)):
        try:
            summary = summarize(TINY[:end])
        except ModelFormatError:
            continue
        whole += 1
        assert summary.metadata_props == {} or summary.opsets == {}
    assert whole <= 2


@given(st.integers(0, len(TINY) - 1), st.binary(min_size=1, max_size=8))
@settings(max_examples=500)
def test_damaged_bytes_give_a_summary_or_a_typed_error(position: int, noise: bytes) -> None:
    try:
        summary = summarize(TINY[:position] + noise + TINY[position + len(noise) :])
    except ModelFormatError:
        return
    assert isinstance(summary, ModelSummary)


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_random_bytes_give_a_summary_or_a_typed_error(data: bytes) -> None:
    try:
        summary = summarize(data)
    except ModelFormatError:
        return
    assert isinstance(summary, ModelSummary)


def test_the_shipped_example_is_what_the_script_writes() -> None:
    example = Path(__file__).parents[2] / "examples" / "colours.onnx"
    if not example.exists():
        pytest.skip("no examples folder beside the tests")
    assert example.read_bytes() == TINY
