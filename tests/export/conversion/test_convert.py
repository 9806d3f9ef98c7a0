from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_infer.model_file.metadata import METADATA_KEY
from export.conversion.convert import convert, keras_answers, with_metadata
from export.conversion.graph import operator_histogram
from export.conversion.parity import compare
from tests.support.tiny_model import METADATA, tiny_model
from train.metrics import softmax
from train.runs.finished import FinishedRun, load_run

pytestmark = pytest.mark.slow  # even the fixtures train and convert

TEMPERATURE = 1.7


@dataclass(frozen=True)
class Converted:
    """A run and what became of its network; converting takes seconds, so the tests share it."""

    run: FinishedRun
    model: onnx.ModelProto


@pytest.fixture(scope="module")
def pooled(pooled_run: Path) -> Converted:
    run = load_run(pooled_run)
    return Converted(run, convert(run.network, TEMPERATURE))


@pytest.fixture(scope="module")
def dense(dense_run: Path) -> Converted:
    run = load_run(dense_run)
    return Converted(run, convert(run.network, TEMPERATURE))


@pytest.fixture(params=["pooled", "dense"])
def converted(request: pytest.FixtureRequest) -> Converted:
    return request.getfixturevalue(request.param)


def answer(model: onnx.ModelProto):
    import onnxruntime as ort

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"image": batch})[0]


def random_pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)


def test_the_file_answers_as_keras_does(converted: Converted):
    pictures = random_pictures(20)

    expected = keras_answers(converted.run.network, TEMPERATURE, pictures)["probabilities"]
    parity = compare(expected, answer(converted.model)(pictures))

    assert parity.pictures == parity.same_top1 == 20
    assert parity.max_difference <= 1e-5


def test_input_and_output_keep_the_contract(converted: Converted):
    graph = converted.model.graph
    ((image,), (probabilities,)) = graph.input, graph.output
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (image, probabilities)
    ]

    assert (image.name, image.type.tensor_type.elem_type) == ("image", onnx.TensorProto.UINT8)
    assert (probabilities.name, probabilities.type.tensor_type.elem_type) == ("probabilities", onnx.TensorProto.FLOAT)
    assert shapes == [["N", 32, 32, 3], ["N", 3]]


def test_pictures_are_transposed_once_at_the_entrance(converted: Converted):
    operators = [node.op_type for node in converted.model.graph.node]
    scaling = "Sub" if converted.run.recipe.preprocessing == "caffe" else "Mul"

    assert operators[:4] == ["Cast", scaling, "Transpose", "Conv"]
    assert operators.count("Transpose") == 1
    assert operators.count("Conv") == 13


def test_a_dense_head_flattens_without_shape_arithmetic(dense: Converted):
    histogram = operator_histogram(dense.model)

    assert histogram["Flatten"] == 1
    assert not {"Reshape", "Shape", "Gather", "Slice"} & histogram.keys()


def test_converting_again_gives_the_same_bytes(converted: Converted):
    # A network that was loaded once more has other Keras counters in its names.
    again = convert(load_run(converted.run.path).network, TEMPERATURE)

    assert again.SerializeToString(deterministic=True) == converted.model.SerializeToString(deterministic=True)


def test_names_are_those_of_the_layers(pooled: Converted):
    graph = pooled.model.graph
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]

    assert convolutions[:3] == ["vgg16/block1_conv1/Conv", "vgg16/block1_conv2/Conv", "vgg16/block2_conv1/Conv"]
    assert "vgg16/block1_conv1/Conv.weight" in {tensor.name for tensor in graph.initializer}
    assert len({node.name for node in graph.node}) == len(graph.node)


def test_temperature_softens_the_answer(pooled: Converted):
    logits = pooled.run.network(random_pictures(4).astype(np.float32)).numpy()

    np.testing.assert_allclose(answer(pooled.model)(random_pictures(4)), softmax(logits / TEMPERATURE), atol=1e-6)


def test_metadata_is_in_the_file_and_replaces_what_was_there():
    model = tiny_model()
    with_metadata(model, METADATA)
    read = onnx.load_from_string(with_metadata(model, replace(METADATA, version="2.0.0")))

    assert [prop.key for prop in read.metadata_props] == [METADATA_KEY]
    assert read.metadata_props[0].value == replace(METADATA, version="2.0.0").to_json()
