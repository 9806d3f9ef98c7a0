from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf

from edge_infer.metadata import METADATA_KEY
from export.convert import convert, serving_function, with_metadata
from export.graph import operator_histogram
from export.parity import compare
from export.run import load_run
from tests.tiny_model import METADATA


@pytest.fixture(scope="module", params=["pooled_run", "dense_run"])
def run(request: pytest.FixtureRequest):
    return load_run(request.getfixturevalue(request.param))


def answer(model: onnx.ModelProto):
    import onnxruntime as ort

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"image": batch})[0]


def test_the_file_answers_as_keras_does(run):
    pictures = np.random.default_rng(0).integers(0, 256, (20, *run.network.input_shape[1:]), np.uint8)
    serve = serving_function(run.network, 1.7)

    parity = compare(
        lambda batch: serve(tf.constant(batch))["probabilities"].numpy(), answer(convert(run.network, 1.7)), pictures
    )

    assert parity.pictures == parity.same_top1 == 20
    assert parity.max_difference <= 1e-5


def test_input_and_output_keep_the_contract(run):
    graph = convert(run.network, 1.0).graph
    ((image,), (probabilities,)) = graph.input, graph.output
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (image, probabilities)
    ]

    assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
    assert (probabilities.name, probabilities.type.tensor_type.elem_type) == ("probabilities", onnx.TensorProto.FLOAT)
    assert shapes == [["N", 32, 32, 3], ["N", 3]]


def test_pictures_are_transposed_once_at_the_entrance(run):
    operators = [node.op_type for node in convert(run.network, 1.0).graph.node]

    assert operators[:4] == ["Cast", "Sub" if run.recipe.preprocessing == "caffe" else "Mul", "Transpose", "Conv"]
    assert operators.count("Transpose") == 1
    assert operators.count("Conv") == 13


def test_a_dense_head_flattens_without_shape_arithmetic(dense_run: Path):
    histogram = operator_histogram(convert(load_run(dense_run).network, 1.0))

    assert histogram["Flatten"] == 1
    assert not {"Reshape", "Shape", "Gather", "Slice"} & histogram.keys()


def test_converting_twice_gives_the_same_bytes(run):
    first = convert(run.network, 1.0).SerializeToString(deterministic=True)
    keras.Input((3,))  # moves Keras' name counters
    again = convert(load_run(run.path).network, 1.0).SerializeToString(deterministic=True)

    assert first == again


def test_names_are_those_of_the_layers(pooled_run: Path):
    graph = convert(load_run(pooled_run).network, 1.0).graph
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]

    assert convolutions[:3] == ["vgg16/block1_conv1/Conv", "vgg16/block1_conv2/Conv", "vgg16/block2_conv1/Conv"]
    assert "vgg16/block1_conv1/Conv.weight" in {tensor.name for tensor in graph.initializer}
    assert len({node.name for node in graph.node}) == len(graph.node)


def test_temperature_softens_the_answer(pooled_run: Path):
    network = load_run(pooled_run).network
    pictures = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
    cold, warm = (answer(convert(network, temperature))(pictures) for temperature in (1.0, 2.0))

    expected = np.sqrt(cold) / np.sqrt(cold).sum(
        axis=1, keepdims=True
    )  # softmax(z/2) is proportional to sqrt(softmax(z))
    np.testing.assert_allclose(warm, expected, atol=1e-6)


def test_metadata_is_in_the_file_and_replaces_what_was_there(pooled_run: Path):
    model = convert(load_run(pooled_run).network, 1.0)
    with_metadata(model, METADATA)
    read = onnx.load_from_string(with_metadata(model, replace(METADATA, version="2.0.0")))

    assert [prop.key for prop in read.metadata_props] == [METADATA_KEY]
    assert read.metadata_props[0].value == replace(METADATA, version="2.0.0").to_json()
