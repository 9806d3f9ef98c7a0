from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from edge_infer.errors import MetadataError, ModelFormatError, ModelOutputError, ProviderError
from edge_infer.model_file.metadata import METADATA_KEY, ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.runtime import session as session_module
from edge_infer.runtime.session import Session, find_provider, start_session
from tests.edge_infer.conftest import WriteModel, expected_scores
from tests.support.tiny_model import COLOURS, GREYS, METADATA, tiny_model, write_tiny_model

RED = np.full((1, 32, 32, 3), COLOURS["red"], np.uint8)


def test_a_batch_gives_a_distribution_for_each_picture(tiny_model_path: Path) -> None:
    colours = [*COLOURS.values(), (160, 60, 60), (100, 100, 100)]
    batch = np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])
    probabilities = Session(open_model(tiny_model_path)).run(batch).probabilities
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, [list(expected_scores(c).values()) for c in colours], atol=1e-5)


# The graph against its metadata


def shape(value: onnx.ValueInfoProto, *axes: int | str) -> None:
    value.type.tensor_type.shape.CopyFrom(helper.make_tensor_type_proto(1, axes).tensor_type.shape)


def rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "input_1"


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = model.graph.node[-1].output[0] = "softmax"


def float_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def double_output(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "float"
    model.graph.node.append(helper.make_node("Cast", ["float"], ["probabilities"], to=TensorProto.DOUBLE))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def extra_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 11]))


def extra_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N"]))


def channels_first(model: onnx.ModelProto) -> None:
    shape(model.graph.input[0], "N", 3, 32, 32)
    model.graph.node[0].input[0] = "rows_first"
    model.graph.node.insert(0, helper.make_node("Transpose", ["image"], ["rows_first"], perm=[0, 2, 3, 1]))


CONTRADICTIONS = {
    "input name": (rename_input, "input is .*'input_1'"),
    "input dtype": (float_input, r"input is .*tensor\(float\)"),
    "fixed batch": (lambda m: shape(m.graph.input[0], 1, 32, 32, 3), r"input is .*\[1, 32, 32, 3\]"),
    "input size": (lambda m: shape(m.graph.input[0], "N", 32, 64, 3), r"input is .*32, 64, 3\]"),
    "channels first": (channels_first, r"input is .*3, 32, 32\]"),
    "free size": (lambda m: shape(m.graph.input[0], "N", "H", "W", 3), "input is .*'H', 'W', 3"),
    "second input": (extra_input, "input is .*'more'"),
    "output name": (rename_output, "output is .*'softmax'"),
    "output dtype": (double_output, r"output is .*tensor\(double\)"),
    "second output": (extra_output, "output is .*'logits'"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_graph_that_contradicts_its_metadata_is_refused(write_model: WriteModel, case: str) -> None:
    edit, message = CONTRADICTIONS[case]
    path = write_model(edit)
    with pytest.raises(MetadataError, match=f"the graph's {message}.*but its metadata promises") as caught:
        Session(open_model(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [METADATA.labels[:-1], (*METADATA.labels, "beige")])
def test_a_label_too_few_or_too_many_is_refused(write_model: WriteModel, labels: tuple[str, ...]) -> None:
    text = METADATA.to_json().replace('["' + '", "'.join(METADATA.labels) + '"]', '["' + '", "'.join(labels) + '"]')
    assert text != METADATA.to_json()
    path = write_model(lambda model: helper.set_model_props(model, {METADATA_KEY: text}))
    with pytest.raises(MetadataError, match=rf"output is .*11\].*promises .*\[{len(labels)}\]"):
        Session(open_model(path))


# The output known


def test_known_says_how_much_of_a_picture_is_of_a_class(write_model: WriteModel) -> None:
    path = write_model(lambda _: None, min_known=0.5)
    greys = [COLOURS["red"], COLOURS["grey"], (100, 100, 100), (125, 80, 45)]
    batch = np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in greys])
    outputs = Session(open_model(path)).run(batch)
    expected = [1 - sum(expected_scores(colour)[grey] for grey in GREYS) for colour in greys]
    np.testing.assert_allclose(outputs.known, expected, atol=1e-5)
    assert (outputs.known.dtype, outputs.known.shape) == (np.float32, (4,))
    assert (round(expected[0], 2), round(expected[1], 2)) == (1.0, 0.0)


def test_a_model_without_known_does_not_say(tiny_model_path: Path) -> None:
    assert Session(open_model(tiny_model_path)).run(RED).known is None


def drop_known(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def known_first(model: onnx.ModelProto) -> None:
    model.graph.output.reverse()


def known_column(model: onnx.ModelProto) -> None:
    model.graph.node[-2].output[0] = "known"
    del model.graph.node[-1]
    shape(model.graph.output[1], "N", 1)


def double_known(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "float"
    model.graph.node.append(helper.make_node("Cast", ["float"], ["known"], to=TensorProto.DOUBLE))
    model.graph.output[1].type.tensor_type.elem_type = TensorProto.DOUBLE


def with_metadata(**changes: object) -> object:
    text = replace(METADATA, **changes).to_json()
    return lambda model: helper.set_model_props(model, {METADATA_KEY: text})


DISAGREEMENTS = {
    "without min_known": (with_metadata(), "the graph has an output 'known', but the metadata no min_known"),
    "without known": (drop_known, "the metadata has a min_known, but the graph no output 'known'"),
    "a column": (known_column, r"the graph's output is .*'known', 'tensor\(float\)', \['N', 1\].*metadata promises"),
    "of doubles": (double_known, r"the graph's output is .*'known', 'tensor\(double\)'.*metadata promises"),
    "and another": (extra_output, "the graph's output is .*'logits'.*metadata promises"),
}


@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_outputs_that_disagree_with_min_known_are_refused(write_model: WriteModel, case: str) -> None:
    edit, message = DISAGREEMENTS[case]
    path = write_model(edit, min_known=0.5)
    with pytest.raises(MetadataError, match=message) as caught:
        Session(open_model(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_outputs_go_by_name(write_model: WriteModel) -> None:
    outputs = Session(open_model(write_model(known_first, min_known=0.5))).run(RED)
    assert (outputs.probabilities.shape, outputs.known.tolist()) == ((1, 11), [pytest.approx(1, abs=1e-5)])


# What onnxruntime refuses


def missing_weights(model: onnx.ModelProto) -> None:
    del model.graph.initializer[0]


def future_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 9999


def future_ir(model: onnx.ModelProto) -> None:
    model.ir_version = 9999


@pytest.mark.parametrize("edit", [missing_weights, future_opset, future_ir])
def test_a_graph_that_onnxruntime_refuses_is_one_line(
    write_model: WriteModel, edit: object, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_model(edit)
    with pytest.raises(ModelFormatError) as caught:
        Session(open_model(path))
    assert str(caught.value).startswith(f"{path}: onnxruntime refuses it: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_message_that_is_no_text_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # onnxruntime cannot put such a name into its message, and would print that on stdout and retry.
    data = write_tiny_model(tmp_path / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(data.replace(b"kernel", b"k\xffrnel", 1))
    with pytest.raises(ModelFormatError, match="onnxruntime refuses it"):
        Session(open_model(tmp_path / "model.onnx"))
    assert capfd.readouterr() == ("", "")


# What the network answers


def answer_with(*values: float) -> object:
    """Let the model answer every picture with these values instead of probabilities."""

    def edit(model: onnx.ModelProto) -> None:
        row = [*values, *[0.0] * (11 - len(values))]
        model.graph.initializer.append(helper.make_tensor("row", TensorProto.FLOAT, [11], row))
        model.graph.initializer.append(helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]))
        model.graph.node[-1].output[0] = "unused"
        model.graph.node.append(helper.make_node("Mul", ["unused", "zero"], ["zeros"]))
        model.graph.node.append(helper.make_node("Add", ["zeros", "row"], ["probabilities"]))

    return edit


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "values", [(NAN,), (NAN, 1.0), (INF,), (INF, -INF), (1.5, -0.5), (0.5, 0.4), (0.6, 0.5), (0.0,), (2.0,), (-1.0,)]
)
def test_an_answer_that_is_no_distribution_is_refused(write_model: WriteModel, values: tuple[float, ...]) -> None:
    session = Session(open_model(write_model(answer_with(*values))))
    with pytest.raises(ModelOutputError, match="not a probability distribution"):
        session.run(RED)


@pytest.mark.parametrize("values", [(1.0,), (0.25, 0.75), (0.5, 0.5004), (0.9995,)])
def test_rounding_in_an_answer_is_accepted(write_model: WriteModel, values: tuple[float, ...]) -> None:
    (row,) = Session(open_model(write_model(answer_with(*values)))).run(RED).probabilities
    assert row.tolist()[: len(values)] == pytest.approx(values, abs=1e-7)


def two_rows_each(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once", "once"], ["probabilities"], axis=0))


def clash(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once"] * 3, ["thrice"], axis=0))
    model.graph.node.append(helper.make_node("Add", ["once", "thrice"], ["probabilities"]))


def test_an_answer_with_other_rows_than_pictures_is_refused(write_model: WriteModel) -> None:
    session = Session(open_model(write_model(two_rows_each)))
    with pytest.raises(ModelOutputError, match=r"has shape \[4, 11\] for 2 pictures and 11 labels"):
        session.run(np.concatenate([RED, RED]))


def test_a_graph_that_fails_while_running_is_one_line(
    write_model: WriteModel, capfd: pytest.CaptureFixture[str]
) -> None:
    session = Session(open_model(write_model(clash)))
    with pytest.raises(ModelOutputError, match="onnxruntime could not run the model: ") as caught:
        session.run(np.concatenate([RED, RED]))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def known_is(value: float) -> object:
    """Let the model's known be this for every picture."""

    def edit(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]))
        model.graph.initializer.append(helper.make_tensor("value", TensorProto.FLOAT, [], [value]))
        model.graph.node[-1].output[0] = "unused"
        model.graph.node.append(helper.make_node("Mul", ["unused", "zero"], ["zeros"]))
        model.graph.node.append(helper.make_node("Add", ["zeros", "value"], ["known"]))

    return edit


@pytest.mark.parametrize("value", [NAN, INF, -INF, -0.01, 1.01, 2.0, -1.0, 1e30])
def test_a_known_that_is_no_share_is_refused(write_model: WriteModel, value: float) -> None:
    session = Session(open_model(write_model(known_is(value), min_known=0.5)))
    with pytest.raises(ModelOutputError, match="the model's output known is not a number from 0 to 1"):
        session.run(RED)


@pytest.mark.parametrize(("value", "known"), [(0.0, 0), (1.0, 1), (0.25, 0.25), (1.0000002, 1), (-1e-7, 0)])
def test_rounding_in_known_is_put_right(write_model: WriteModel, value: float, known: float) -> None:
    assert Session(open_model(write_model(known_is(value), min_known=0.5))).run(RED).known.tolist() == [known]


def known_twice(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once", "once"], ["known"], axis=0))


def test_a_known_of_other_pictures_is_refused(write_model: WriteModel) -> None:
    session = Session(open_model(write_model(known_twice, min_known=0.5)))
    with pytest.raises(ModelOutputError, match=r"output known has shape \[4\] for 2 pictures: the file is damaged"):
        session.run(np.concatenate([RED, RED]))


# Threads and providers


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_asked_threads_are_used(tiny_model_path: Path, threads: int) -> None:
    session = Session(open_model(tiny_model_path), threads=threads)
    assert session.threads == threads
    assert session._session.get_session_options().intra_op_num_threads == threads


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_one_thread_starts_no_other(tiny_model_path: Path) -> None:
    def threads() -> set[str]:
        return {task.name for task in Path("/proc/self/task").iterdir()}

    model = open_model(tiny_model_path)
    before = threads()  # those of sessions that other tests have dropped may still end
    one = Session(model, threads=1)
    assert threads() - before == set()
    three = Session(model, threads=3)
    assert len(threads() - before) == 2  # the caller's thread works too
    assert (one.threads, three.threads) == (1, 3)


def test_by_default_every_usable_core_works(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "available_cpus", lambda: 3)
    assert Session(open_model(tiny_model_path)).threads == 3


@pytest.mark.parametrize("name", ["cpu", "CPU", "CPUExecutionProvider", "cpuexecutionprovider"])
def test_a_provider_goes_by_its_short_and_its_full_name(tiny_model_path: Path, name: str) -> None:
    assert find_provider(name) == "CPUExecutionProvider"
    assert Session(open_model(tiny_model_path), provider=name).provider == "CPUExecutionProvider"


@pytest.mark.parametrize("name", ["tpu", "", "cp", "cuda "])
def test_an_unknown_provider_lists_those_there_are(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["OpenVINOExecutionProvider", "CPUExecutionProvider"])
    with pytest.raises(ProviderError) as caught:
        find_provider(name)
    assert str(caught.value) == f"provider {name!r} is not available in this onnxruntime (it has: openvino, cpu)"


def test_a_provider_that_is_not_used_after_all_is_an_error(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FellBack:
        def __init__(self, *_: object, providers: list[str], enable_fallback: int) -> None:
            assert (providers, enable_fallback) == (["CUDAExecutionProvider"], 0)

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", FellBack)
    with pytest.raises(ProviderError, match="did not use CUDAExecutionProvider although it was requested"):
        Session(open_model(tiny_model_path), provider="cuda")


def test_other_input_sizes_and_label_counts_load(tmp_path: Path) -> None:
    metadata_input = type(METADATA.input)(height=7, width=5)
    path = write_tiny_model(tmp_path / "small.onnx", input=metadata_input)
    assert Session(open_model(path)).run(np.full((2, 7, 5, 3), 255, np.uint8)).probabilities.argmax(
        axis=1
    ).tolist() == [9, 9]


@pytest.mark.parametrize(
    ("flags", "exact"), [("avx2 avx512_vnni", True), ("avx2 avx_vnni", True), ("avx2", False), (None, False)]
)
def test_vnni_is_read_off_the_cpu(monkeypatch: pytest.MonkeyPatch, flags: str | None, exact: bool) -> None:
    def read_text(*_: object, **__: object) -> str:
        if flags is None:
            raise FileNotFoundError
        return f"flags : {flags}\n"

    monkeypatch.setattr(Path, "read_text", read_text)
    assert session_module._multiplies_int8_exactly.__wrapped__() is exact


@pytest.mark.parametrize(
    ("precision", "weight_bits", "has_vnni", "guarded"),
    [
        ("int8", 8, False, True),
        ("int8", 8, True, False),
        ("int8", 7, False, False),
        ("int8", 7, True, False),
        ("fp32", None, False, False),
    ],
)
def test_only_weights_of_8_bits_without_vnni_take_the_exact_way(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    precision: Literal["fp32", "int8"],
    weight_bits: int | None,
    has_vnni: bool,
    guarded: bool,
) -> None:
    entries: dict[str, str] = {}

    class Options(ort.SessionOptions):
        def add_session_config_entry(self, key: str, value: str) -> None:
            entries[key] = value
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(session_module, "_multiplies_int8_exactly", lambda: has_vnni)
    monkeypatch.setattr(session_module.ort, "SessionOptions", Options)
    start_session(open_model(write_tiny_model(tmp_path / "m.onnx", precision=precision, weight_bits=weight_bits)))
    assert entries.pop("session.intra_op.spin_duration_us") == "200"
    assert entries == ({"session.x64quantprecision": "1"} if guarded else {})


@pytest.mark.parametrize(
    ("precision", "asked", "level"),
    [
        ("fp32", True, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
        ("fp32", False, ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
        ("int8", True, ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
    ],
)
def test_a_quick_start_is_for_float_models(
    tmp_path: Path, precision: Literal["fp32", "int8"], asked: bool, level: ort.GraphOptimizationLevel
) -> None:
    bits = 7 if precision == "int8" else None
    path = write_tiny_model(tmp_path / "model.onnx", precision=precision, weight_bits=bits)
    session = start_session(open_model(path), quick_start=asked)
    assert session.get_session_options().graph_optimization_level == level


def test_an_axis_whose_name_is_not_utf_8_is_a_damaged_file(tmp_path: Path) -> None:
    data, path = tiny_model().SerializeToString(), tmp_path / "names.onnx"
    # It stands in the signature only, where nothing before onnxruntime reads it (found by tests.fuzz).
    path.write_bytes(data.replace(b"\x12\x01N", b"\x12\x01\x80"))
    with pytest.raises(ModelFormatError) as caught:
        Session(open_model(path, ClassifierMetadata))
    assert str(caught.value) == f"{path}: a name in the graph is not UTF-8: the file is damaged"
