"""The output `known`: a share of a softmax or a threshold on the free energy, the same in Keras, numpy and ONNX."""

from dataclasses import replace

import keras
import numpy as np
import onnxruntime as ort
import pytest

from edge_infer.runtime.session import INPUT_NAME, OUTPUT_NAME
from export.conversion.convert import convert
from export.conversion.graph import check_graph
from tests.support.small_runs import SIDE_PX
from tests.train.conftest import assert_close
from train.fitting.head import LinearHead, set_head
from train.fitting.known import KnownOutput
from train.networks.known import KNOWN, KNOWN_LOGITS, Known
from train.networks.network import LOGITS, build_network, forward, output
from train.recipes import KnownHead, PooledHead, Recipe

FAMILIAR = 30.0
IMAGES = np.random.default_rng(0).integers(0, 256, (3, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def recipe(cached_recipe: Recipe) -> Recipe:
    known = KnownHead(inverse_l2=0.01, stranger_views=1)
    head = replace(cached_recipe.head, pooling="energy", known=known)
    return replace(cached_recipe, head=head)


def test_known_is_the_classes_share_of_a_softmax():
    logits = np.array([[2.0, 1.0, 0.5, FAMILIAR], [-400.0, 300.0, 300.0, FAMILIAR]], np.float32)
    expected = keras.ops.softmax(logits[:, :3]).numpy()[:, :2].sum(axis=1)
    assert Known()(logits).numpy() == pytest.approx(expected, rel=1e-5)
    assert expected[1] == pytest.approx(0.5)


def test_what_is_unfamiliar_is_not_known():
    logits = np.array([[9.0, 9.0, -9.0, 0.0], [9.0, 9.0, -9.0, -4.0]], np.float32)
    assert Known()(logits).numpy() == pytest.approx([0.5, 1 / (1 + np.exp(4))], rel=1e-5)


def test_a_scale_makes_it_steeper():
    layer = Known()
    layer(np.zeros((1, 4), np.float32))
    layer.set_weights([np.float32(3)])
    logits = np.array([[0.0, 0.0, 0.2, FAMILIAR]], np.float32)
    assert layer(logits).numpy() == pytest.approx(1 / (1 + np.exp(-3 * (np.log(2) - 0.2))), rel=1e-5)


def test_known_takes_the_objects_and_the_scenes_features():
    with pytest.raises(ValueError, match="takes energy pooling"):
        PooledHead(("block5_conv3",), 0.1, known=KnownHead(inverse_l2=0.01, stranger_views=1))


def test_the_network_says_what_numpy_and_the_exported_file_say(recipe: Recipe, random_weights: str):
    network = build_network(recipe, 2, random_weights)
    rng = np.random.default_rng(3)
    set_head(network, LinearHead(rng.normal(0, 3, (1024, 2)).astype(np.float32), np.zeros(2, np.float32)))
    known = KnownOutput(
        rng.normal(0, 0.3, (2048, 4)).astype(np.float32), np.array([0.3, -0.2, 0.1, 0.5], np.float32), 1.5
    )
    known.put_into(network)
    batch = IMAGES.astype(np.float32)
    features = keras.Model(network.input, network.get_layer(KNOWN_LOGITS).input)(batch).numpy()
    assert features.shape == (3, 2048)
    assert np.linalg.norm(features, axis=1) == pytest.approx(np.full(3, 2), rel=1e-5)  # four of unit length
    answer = network(batch)
    assert answer[KNOWN].shape == (3,)
    assert np.ptp(answer[KNOWN]) > 1e-4
    assert_close(answer[KNOWN].numpy(), known.known(features), share=1e-4)
    assert_close(forward(output(network, LOGITS))(IMAGES), answer[LOGITS].numpy())
    assert_close(forward(output(network, KNOWN))(IMAGES), answer[KNOWN].numpy())

    model = convert(network, temperature=2.0)
    check_graph(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = {node.name: (node.type, node.shape) for node in session.get_outputs()}
    assert outputs == {OUTPUT_NAME: ("tensor(float)", ["N", 2]), KNOWN: ("tensor(float)", ["N"])}
    probabilities, exported = session.run([OUTPUT_NAME, KNOWN], {INPUT_NAME: IMAGES})
    assert_close(probabilities, keras.ops.softmax(answer[LOGITS] / 2).numpy())
    assert_close(exported, answer[KNOWN].numpy())


def test_a_network_without_it_has_one_output(cached_recipe: Recipe):
    network = build_network(cached_recipe, 2, None)
    assert output(network, LOGITS) is network
    assert output(network, KNOWN) is None
