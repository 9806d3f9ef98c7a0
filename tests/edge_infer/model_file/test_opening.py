from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, defs, helper

from edge_infer.errors import MetadataError, ModelFormatError, ModelNotFoundError
from edge_infer.model_file.metadata import METADATA_KEY
from edge_infer.model_file.opening import MAX_MODEL_BYTES, open_model
from edge_infer.model_file.operators import OPERATORS
from tests.edge_infer.conftest import WriteModel
from tests.support.tiny_model import METADATA


def test_a_good_file_is_read_whole(tiny_model_path: Path) -> None:
    model = open_model(tiny_model_path)
    assert model.path == tiny_model_path
    assert model.data == tiny_model_path.read_bytes()
    assert model.metadata == METADATA
    assert model.summary.opsets == {"": 17}


def test_a_path_may_be_a_string(tiny_model_path: Path) -> None:
    assert open_model(str(tiny_model_path)) == open_model(tiny_model_path)


def test_a_model_may_have_any_suffix(tiny_model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(tiny_model_path.read_bytes())
    assert open_model(tmp_path / "model.bin").metadata == METADATA


def test_external_data_is_refused(write_model: WriteModel) -> None:
    def edit(model: ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")

    path = write_model(edit)
    with pytest.raises(ModelFormatError) as caught:
        open_model(path)
    assert str(caught.value) == f"{path}: it keeps weights in another file; only self-contained files are accepted"


def test_foreign_operators_are_refused_and_named(write_model: WriteModel) -> None:
    nodes = [
        helper.make_node("X", ["mean"], ["a"], domain="org.b"),
        helper.make_node("Y", ["mean"], ["b"], domain="org.a"),
    ]
    with pytest.raises(ModelFormatError, match=r"it uses operators of 'org\.a', 'org\.b'; only standard"):
        open_model(write_model(lambda model: model.graph.node.extend(nodes)))


def test_an_unused_foreign_opset_is_accepted(write_model: WriteModel) -> None:
    model = open_model(write_model(lambda model: model.opset_import.append(helper.make_opsetid("com.microsoft", 1))))
    assert model.summary.opsets == {"": 17, "com.microsoft": 1}


def test_functions_are_refused(write_model: WriteModel) -> None:
    function = helper.make_function("own", "f", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], [])
    with pytest.raises(ModelFormatError, match="it has functions of its own; only plain graphs"):
        open_model(write_model(lambda model: model.functions.append(function)))


def test_control_flow_is_refused(write_model: WriteModel) -> None:
    branch = helper.make_graph([], "branch", [], [])
    node = helper.make_node("If", ["mean"], ["a"], then_branch=branch, else_branch=branch)
    with pytest.raises(ModelFormatError, match="it has control flow; only plain graphs are accepted"):
        open_model(write_model(lambda model: model.graph.node.append(node)))


@pytest.mark.parametrize(
    "name", ["NoSuchOperator", "ConstantOfShape", "RandomNormal", "StringConcat", "", "two\nlines"]
)
def test_operators_that_no_classifier_needs_are_refused(write_model: WriteModel, name: str) -> None:
    path = write_model(lambda model: model.graph.node.append(helper.make_node(name, ["mean"], ["a"])))
    with pytest.raises(ModelFormatError) as caught:
        open_model(path)
    assert str(caught.value) == f"{path}: it uses {name!r}; only operators of convolutional networks are accepted"


def test_many_and_long_names_are_shortened(write_model: WriteModel) -> None:
    nodes = [helper.make_node(f"{i}" * 100, ["mean"], ["a"]) for i in range(6)]
    path = write_model(lambda model: model.graph.node.extend(nodes))
    with pytest.raises(ModelFormatError, match=f"it uses '{'0' * 60}', '{'1' * 60}', .*, '{'4' * 60}', …; only"):
        open_model(path)


def test_operators_are_those_onnx_knows() -> None:
    known = {schema.name for schema in defs.get_all_schemas() if not schema.domain}
    assert known >= OPERATORS


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)  # sparse
    monkeypatch.setattr(Path, "read_bytes", lambda path: 1 / 0)
    with pytest.raises(ModelFormatError, match="has more than 1,000,000,000 bytes"):
        open_model(path)


def test_a_model_that_memory_does_not_hold_is_refused(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(path: Path) -> bytes:
        raise MemoryError

    monkeypatch.setattr(Path, "read_bytes", no_memory)
    with pytest.raises(ModelFormatError, match="needs more memory than there is"):
        open_model(tiny_model_path)


def test_a_model_without_our_metadata_is_refused(write_model: WriteModel) -> None:
    path = write_model(lambda model: helper.set_model_props(model, {"author": "someone"}))
    with pytest.raises(MetadataError, match="carries no edge_infer metadata: only files made by `python -m export`"):
        open_model(path)


def test_wrong_metadata_names_file_and_field(write_model: WriteModel) -> None:
    text = METADATA.to_json().replace(f'"min_score": {METADATA.min_score}', '"min_score": 5')
    path = write_model(lambda model: helper.set_model_props(model, {METADATA_KEY: text}))
    with pytest.raises(MetadataError) as caught:
        open_model(path)
    expected = f"{path}: the model's metadata field min_score should be a number from 0 to 1, not 5"
    assert str(caught.value) == expected


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"not a model\n", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_not_onnx_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as caught:
        open_model(path)
    assert str(caught.value).startswith(f"{path}: not a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.onnx", "folder/missing", "a\0b.onnx"])
def test_what_is_no_file_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        open_model(tmp_path / name)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "model.onnx"


def assert_refused_or_whole(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        model = open_model(path)
    except (ModelFormatError, MetadataError):
        return
    assert len(model.metadata.labels) >= 2
    assert model.summary.domains == {""}
    assert not model.summary.has_external_data


@given(st.data())
@settings(max_examples=200)
def test_a_cut_file_is_refused(tiny_model_path: Path, scratch: Path, data: st.DataObject) -> None:
    whole = tiny_model_path.read_bytes()
    scratch.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises((ModelFormatError, MetadataError)):
        open_model(scratch)


@given(st.data())
@settings(max_examples=200)
def test_a_damaged_file_is_refused_or_still_whole(tiny_model_path: Path, scratch: Path, data: st.DataObject) -> None:
    damaged = bytearray(tiny_model_path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=5)):
        damaged[position] = data.draw(st.integers(0, 255))
    assert_refused_or_whole(scratch, bytes(damaged))
