"""int8 of a small network of the contract's shape: close to fp32, fed with bytes, float where float is needed."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_static

import export.conversion.int8
import export.conversion.quantize
from edge_infer.model_file.metadata import WeightBits
from edge_infer.model_file.registry import bundled_models
from export.conversion.graph import check_graph
from export.conversion.int8 import feed_pixels, last_layers, pixel_scales, quantize_classifier
from export.conversion.quantize import check_weights, is_float, prepare, quantize
from export.errors import GraphError

SIDE_PX = 32
LAYERS = ["first/Conv", "second/Conv"]


def network(scaling: str = "Sub", value: object = 115.0, *, has_known: bool = False) -> onnx.ModelProto:
    """Two convolutions, a pool and a Dense layer or two, on pixels that are scaled first."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def add(operator: str, inputs: list[str], name: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(name: str, values: object) -> str:
        weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def convolution(source: str, name: str, shape: tuple[int, ...], size: float) -> str:
        kernel = constant(f"{name}.weight", rng.normal(0, size, shape))
        bias = constant(f"{name}.bias", rng.normal(0, 0.1, shape[0]))
        return add("Relu", [add("Conv", [source, kernel, bias], f"{name}/Conv", pads=[1] * 4)], f"{name}/Relu")

    pixels = add("Cast", ["image"], "preprocess/Cast", to=TensorProto.FLOAT)
    scaled = add(scaling, [pixels, constant("scaling", value)], f"preprocess/{scaling}")
    maps = add("Transpose", [scaled], "preprocess/Transpose", perm=[0, 3, 1, 2])
    maps = convolution(maps, "first", (16, 3, 3, 3), 0.01 if scaling == "Sub" else 1)
    maps = convolution(maps, "second", (16, 16, 3, 3), 0.1)
    pooled = add("Flatten", [add("GlobalAveragePool", [maps], "pool")], "flat")
    products = add("MatMul", [pooled, constant("kernel", rng.normal(0, 0.3, (16, 3)))], "logits/MatMul")
    add("Softmax", [add("Add", [products, constant("bias", rng.normal(0, 0.1, 3))], "logits/Add")], "last")
    nodes[-1].output[0] = "probabilities"
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])]
    if has_known:
        doubts = add("MatMul", [pooled, constant("doubt", rng.normal(0, 0.3, (16, 1)))], "known/MatMul")
        weights.append(numpy_helper.from_array(np.array([-1]), "axis"))
        add("Sigmoid", [add("Squeeze", [doubts, "axis"], "known/Squeeze")], "known")
        outputs.append(helper.make_tensor_value_info("known", TensorProto.FLOAT, ["N"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])],
        outputs,
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def answers(model: onnx.ModelProto, pictures: list[np.ndarray]) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"image": np.concatenate(pictures)})[0]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (12, 1, 1, 1, 3))
    return [np.clip(c + rng.integers(-60, 60, (1, SIDE_PX, SIDE_PX, 3)), 0, 255).astype(np.uint8) for c in colours]


@pytest.mark.parametrize(("scaling", "value"), [("Sub", 115.0), ("Div", 255.0), ("Mul", 1 / 255)])
def test_int8_is_close_and_reads_the_bytes_themselves(scaling: str, value: float, pictures: list[np.ndarray]):
    model = network(scaling, value)
    quantized = quantize_classifier(model, pictures)
    check_graph(quantized.model)
    assert np.abs(answers(quantized.model, pictures) - answers(model, pictures)).max() < 0.02
    operators = [node.op_type for node in quantized.model.graph.node]
    assert not {"Cast", scaling} & set(operators)
    assert quantized.kept_float == ()
    assert list(quantized.layer_errors) == LAYERS
    assert all(0 <= error < 0.01 for error in quantized.layer_errors.values())


def test_ranges_that_are_kept_are_not_measured_again(pictures: list[np.ndarray], tmp_path: Path):
    prepared = prepare(network())
    first = quantize(prepared, pictures, ranges=tmp_path / "ranges.json")
    assert quantize(prepared, [], ranges=tmp_path / "ranges.json") == first  # without a picture to measure
    assert quantize(prepared, pictures) == first


def int8_weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {
        tensor.name: numpy_helper.to_array(tensor).astype(int)
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) > 1
    }


def test_every_weight_has_7_bits_and_uses_them(pictures: list[np.ndarray]):
    weights = int8_weights(quantize_classifier(network(), pictures).model)
    assert len(weights) == len(LAYERS)
    for values in weights.values():
        assert np.abs(values).max(axis=(1, 2, 3)).tolist() == [64] * 16


def test_activations_keep_8_bits(pictures: list[np.ndarray]):
    def activations(bits: WeightBits) -> dict[str, list[float]]:
        model = quantize_classifier(network(), pictures, bits).model
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        points = [node.input[1:3] for node in model.graph.node if node.op_type == "QuantizeLinear"]
        assert points
        assert {constants[zero].dtype for _, zero in points} == {np.dtype(np.uint8)}
        return {scale: constants[scale].tolist() for scale, _ in points}

    assert activations(7) == activations(8)


def test_a_weight_beyond_7_bits_is_refused(pictures: list[np.ndarray]):
    prepared = prepare(network())
    last = [node.name for node in last_layers(prepared.graph)]
    model = quantize(prepared, pictures, last, operators=export.conversion.int8.OPERATORS, weight_bits=8)
    assert {int(np.abs(values).max()) for values in int8_weights(model).values()} == {127}
    check_weights(model.graph, 8)
    with pytest.raises(GraphError, match=r"^weights first\S+ reach 127, but those of 7 bits end at 64$"):
        check_weights(model.graph, 7)


def test_a_quantizer_that_forgets_the_7_bits_is_noticed(pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch):
    def forgetful(*arguments: object, **options: object) -> None:
        quantize_static(*arguments, **options | {"reduce_range": False})

    monkeypatch.setattr(export.conversion.quantize, "quantize_static", forgetful)
    with pytest.raises(GraphError, match="those of 7 bits end at 64"):
        quantize_classifier(network(), pictures)


def test_reading_the_bytes_changes_no_answer(pictures: list[np.ndarray]):
    model = network()
    scales = pixel_scales(model.graph)
    assert scales == {"preprocess/Transpose": (1.0, 115)}
    prepared, operators = prepare(model), export.conversion.int8.OPERATORS
    last = [node.name for node in last_layers(prepared.graph)]
    plain = quantize(prepared, pictures, last, operators=operators, scales=scales)
    direct = onnx.ModelProto.FromString(plain.SerializeToString())
    feed_pixels(direct.graph, "preprocess/Transpose")
    assert len(direct.graph.node) == len(plain.graph.node) - 3
    assert np.array_equal(answers(direct, pictures), answers(plain, pictures))


def test_a_mean_for_each_channel_stays_in_float(pictures: list[np.ndarray]):
    model = network("Sub", [123.68, 116.779, 103.939])
    assert pixel_scales(model.graph) == {}
    quantized = quantize_classifier(model, pictures)
    assert [node.op_type for node in quantized.model.graph.node].count("Cast") == 1
    assert np.abs(answers(quantized.model, pictures) - answers(model, pictures)).max() < 0.02


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [("Sub", ["constant", "pixels"]), ("Mul", ["pixels", "negative"]), ("Div", ["pixels", "negative"])],
)
def test_pixels_that_are_turned_dark_to_bright_stay_in_float(operator: str, inputs: list[str]):
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node(operator, inputs, ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["first"], perm=[0, 3, 1, 2]),
    ]
    constants = [
        numpy_helper.from_array(np.float32(value), name) for name, value in (("constant", 255), ("negative", -2))
    ]
    assert pixel_scales(helper.make_graph(nodes, "g", [], [], constants)) == {}


def test_the_last_layer_stays_in_float(pictures: list[np.ndarray]):
    graph = quantize_classifier(network(), pictures).model.graph
    (last,) = last_layers(graph)
    assert is_float(graph, last)
    operators = [node.op_type for node in graph.node]
    computed = operators[operators.index("Flatten") :]
    # Before 1.31 onnxruntime leaves MatMul and Add apart.
    assert computed in (["Flatten", "Gemm", "Softmax"], ["Flatten", "MatMul", "Add", "Softmax"])


def test_the_layers_of_both_outputs_stay_in_float(pictures: list[np.ndarray]):
    model = quantize_classifier(network(has_known=True), pictures).model
    check_graph(model)
    assert [output.name for output in model.graph.output] == ["probabilities", "known"]
    assert {node.name.partition("/")[0] for node in last_layers(model.graph)} == {"logits", "known"}
    assert [is_float(model.graph, node) for node in last_layers(model.graph)] == [True, True]


@pytest.mark.parametrize(("name", "layers"), [("gems", 2), ("gender", 1)])
def test_the_last_layers_of_a_bundled_model_are_in_float(name: str, layers: int):
    graph = onnx.load(bundled_models()[name].path).graph
    assert [is_float(graph, node) for node in last_layers(graph)] == [True] * layers


def test_a_node_that_was_to_stay_in_float_is_looked_for_in_the_graph_that_is_quantized(pictures: list[np.ndarray]):
    with pytest.raises(GraphError, match="node other/MatMul was to stay in float, but the prepared graph has none"):
        quantize(prepare(network()), pictures, ["other/MatMul"])


def test_a_layer_that_changes_too_much_stays_in_float(pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch):
    found = quantize_classifier(network(), pictures).layer_errors
    worse, better = sorted(LAYERS, key=found.__getitem__, reverse=True)
    assert found[worse] > found[better]
    monkeypatch.setattr(export.conversion.int8, "MAX_LAYER_ERROR", (found[worse] + found[better]) / 2)
    quantized = quantize_classifier(network(), pictures)
    assert quantized.kept_float == (worse,)
    nodes = quantized.model.graph.node
    made_by = {output: node.op_type for node in nodes for output in node.output}
    convolutions = [made_by.get(node.input[1]) for node in nodes if node.op_type == "Conv"]
    assert convolutions == [None if layer == worse else "DequantizeLinear" for layer in LAYERS]
