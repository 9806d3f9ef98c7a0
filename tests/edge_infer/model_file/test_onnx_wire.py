from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge_infer.errors import ModelFormatError
from edge_infer.model_file.onnx_wire import MAX_FIELDS, MAX_NODES, ModelSummary, summarize
from tests.support.tiny_model import tiny_model, write_example

TINY = tiny_model().SerializeToString()


def graph_of(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(nodes, "sub", [], [])


def node(op_type: str = "Identity", domain: str = "", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, ["mean"], ["unused"], domain=domain, **attributes)


def tensor(count: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(count, np.float32), "inside")


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def with_initializer(tensor: bytes) -> bytes:
    """Add a serialized tensor that no protobuf library would write; protobuf joins both graphs."""
    field = b"\x2a" + varint(len(tensor)) + tensor
    return TINY + b"\x3a" + varint(len(field)) + field


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


def assert_matches_onnx(data: bytes) -> ModelSummary:
    summary, model = summarize(data), onnx.load_from_string(data)
    assert summary.ir_version == model.ir_version
    assert summary.opsets == {opset.domain: opset.version for opset in model.opset_import}
    assert summary.metadata_props == {prop.key: prop.value for prop in model.metadata_props}
    assert summary.domains == {each.domain for each in model.graph.node}
    assert summary.operators == {each.op_type for each in model.graph.node}
    return summary


def test_the_tiny_model_is_read_as_onnx_reads_it() -> None:
    summary = assert_matches_onnx(TINY)
    assert (summary.ir_version, summary.opsets, summary.domains) == (8, {"": 17}, {""})
    assert list(summary.metadata_props) == ["edge_infer"]
    assert summary.operators == {"Cast", "MatMul", "Add", "Softmax", "ReduceMean"}
    assert not summary.has_external_data
    assert summary.extras == frozenset()


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


CONTROL_FLOW: dict[str, Callable[[], onnx.NodeProto]] = {
    "If": lambda: node("If", then_branch=graph_of(node()), else_branch=graph_of()),
    "Loop": lambda: node("Loop", body=graph_of(node("Constant", value=external()))),
    "list of graphs": lambda: node("Custom", graphs=[graph_of(), graph_of(node())]),
}


@pytest.mark.parametrize("kind", CONTROL_FLOW)
def test_control_flow_is_found_and_not_looked_into(kind: str) -> None:
    summary = assert_matches_onnx(with_node(CONTROL_FLOW[kind]()))
    assert summary.extras == {"control flow"}
    assert not summary.has_external_data


SPARSE: dict[str, Callable[[onnx.TensorProto], onnx.NodeProto]] = {
    "attribute": lambda values: node("Constant", sparse_value=sparse(values)),
    "attributes": lambda values: node("Custom", values=[sparse(values)]),
}


@pytest.mark.parametrize("place", SPARSE)
def test_sparse_tensors_of_a_node_are_found(place: str) -> None:
    assert summarize(with_node(SPARSE[place](tensor(4)))).extras == {"sparse tensors"}


def test_a_sparse_initializer_is_found() -> None:
    model = tiny_model()
    model.graph.sparse_initializer.append(sparse(tensor(4)))
    assert summarize(model.SerializeToString()).extras == {"sparse tensors"}


def test_functions_and_training_steps_are_found() -> None:
    model = tiny_model()
    model.functions.append(helper.make_function("own", "f", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], []))
    model.training_info.add().algorithm.node.append(node())
    assert assert_matches_onnx(model.SerializeToString()).extras == {"functions of its own", "training steps"}


EXTERNAL_PLACES: dict[str, Callable[[], onnx.NodeProto]] = {
    "attribute tensor": lambda: node("Constant", value=external()),
    "attribute tensors": lambda: node("Custom", values=[tensor(2), external()]),
}


@pytest.mark.parametrize("place", EXTERNAL_PLACES)
def test_external_data_of_a_node_is_found(place: str) -> None:
    assert summarize(with_node(EXTERNAL_PLACES[place]())).has_external_data


def test_a_tensor_inside_the_file_is_no_external_data() -> None:
    assert not summarize(with_node(node("Constant", value=tensor(4)))).has_external_data


LOCATIONS = ["weights.bin", "/etc/passwd", "../../weights.bin", "", "*/_ORT_MEM_ADDR_/*", "file:///etc/passwd"]


@pytest.mark.parametrize("location", LOCATIONS)
def test_external_data_of_an_initializer_is_found_wherever_it_lies(location: str) -> None:
    model = tiny_model()
    model.graph.initializer.append(external())
    model.graph.initializer[-1].external_data[0].value = location
    assert summarize(model.SerializeToString()).has_external_data


@pytest.mark.parametrize("location", [1, 2, 2**32 + 1, 2**64 - 1])
def test_any_location_but_the_default_is_external(location: int) -> None:
    # As a 32-bit number, which onnxruntime reads, 2**32 + 1 is EXTERNAL.
    assert summarize(with_initializer(tensor(4).SerializeToString() + b"\x70" + varint(location))).has_external_data
    assert not summarize(with_initializer(tensor(4).SerializeToString() + b"\x70\0")).has_external_data


@pytest.mark.parametrize("bit", range(32, 64))
def test_a_field_number_of_more_than_32_bits_is_refused(bit: int) -> None:
    # onnxruntime drops the upper bits: it would find external data that this walk has passed over.
    location = onnx.StringStringEntryProto(key="location", value="weights.bin").SerializeToString()
    hidden = varint((13 << 3 | 2) | 1 << bit) + varint(len(location)) + location
    with pytest.raises(ModelFormatError, match="not protobuf"):
        summarize(with_initializer(onnx.TensorProto(dims=[4], data_type=1).SerializeToString() + hidden))


@pytest.mark.parametrize("field", ["data_location", "external_data"])
def test_either_sign_of_external_data_is_enough(field: str) -> None:
    model, tensor = tiny_model(), external()
    tensor.ClearField(field)
    model.graph.initializer.append(tensor)
    assert summarize(model.SerializeToString()).has_external_data


@pytest.mark.parametrize("shape", [[2**60], [2**31, 2**31], [2**62, 4], [-1], [1000, 1000], [89]])
@pytest.mark.parametrize("packed", [False, True])
def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(shape: list[int], packed: bool) -> None:
    numbers = [varint(axis % 2**64) for axis in shape]
    if packed:
        dims = b"\x0a" + varint(len(b"".join(numbers))) + b"".join(numbers)
    else:
        dims = b"".join(b"\x08" + number for number in numbers)
    with pytest.raises(ModelFormatError, match="a tensor claims more values than the file holds"):
        summarize(with_initializer(dims + b"\x10\x01"))


def test_a_tensor_may_be_empty_or_a_scalar() -> None:
    for shape in ([], [0], [0, 2**40]):
        assert summarize(with_initializer(onnx.TensorProto(dims=shape, data_type=1).SerializeToString())).operators


def test_many_axes_are_refused() -> None:
    ones = onnx.TensorProto(dims=[1] * 17, data_type=1).SerializeToString()
    with pytest.raises(ModelFormatError, match="more than 16 axes"):
        summarize(with_initializer(ones))


def test_the_number_of_nodes_is_limited() -> None:
    model = tiny_model()
    model.graph.node.extend([node()] * (MAX_NODES - len(model.graph.node)))
    assert summarize(model.SerializeToString()).operators
    model.graph.node.append(node())
    with pytest.raises(ModelFormatError, match="more than 10000 nodes"):
        summarize(model.SerializeToString())


@pytest.mark.parametrize("field", ["graph", "attribute", "model"])
def test_the_number_of_fields_is_limited(field: str) -> None:
    many = b"\x28\1" * MAX_FIELDS  # model_version, doc_string... whatever field 5 is there
    added = {
        "model": lambda: TINY + many,
        "graph": lambda: TINY + b"\x3a" + varint(len(many)) + many,
        "attribute": lambda: with_node(node(ints=[1] * MAX_FIELDS)),
    }[field]()
    with pytest.raises(ModelFormatError, match="more than 500000 fields"):
        summarize(added)


def test_the_length_of_a_text_is_limited() -> None:
    model = tiny_model()
    model.metadata_props.add(key="long", value="x" * 1_000_000)
    assert len(summarize(model.SerializeToString()).metadata_props["long"]) == 1_000_000
    model.metadata_props.add(key="long", value="x" * 1_000_001)
    with pytest.raises(ModelFormatError, match="a text of more than 1000000 bytes"):
        summarize(model.SerializeToString())


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
        (b"\x02\x00", "not protobuf"),  # field 0
        (bytes(64), "not protobuf"),
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


def test_the_shipped_example_is_what_the_script_writes(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "colours.onnx"
    if not example.exists():
        pytest.skip("no examples folder beside the tests")
    assert example.read_bytes() == write_example(tmp_path / "again.onnx").read_bytes()
