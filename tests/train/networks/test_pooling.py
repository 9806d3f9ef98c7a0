"""Pooling: averages over a grid, and averages weighted by energy and place."""

from dataclasses import replace

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from export.conversion.convert import convert
from export.conversion.graph import check_graph
from tests.support.small_runs import SIDE_PX
from tests.train.conftest import assert_close
from train.networks.network import build_network
from train.networks.pooling import EnergyPooling, average, centre_weights, pool_taps
from train.recipes import PooledHead, Recipe


def test_pooling_averages_the_parts_of_a_grid_channels_first():
    maps = np.arange(2 * 7 * 6 * 3, dtype=np.float32).reshape(2, 7, 6, 3)
    pooled = average(keras.ops.convert_to_tensor(maps), 3).numpy()
    expected = maps[:, :6, :6].reshape(2, 3, 2, 3, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(2, 27)
    np.testing.assert_allclose(pooled, expected, rtol=1e-6)
    np.testing.assert_allclose(average(keras.ops.convert_to_tensor(maps), 1).numpy(), maps.mean(axis=(1, 2)), rtol=1e-6)


def test_a_grid_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="maps of 7x7 do not divide into 4x4 parts"):
        average(keras.Input((7, 7, 8)), 4)


def test_energy_pooling_is_its_formula():
    maps = np.random.default_rng(4).random((2, 3, 5, 4)).astype(np.float32)
    expected = np.zeros((2, 4))
    for picture in range(2):
        total = 0.0
        for row in range(3):
            for column in range(5):
                energy = maps[picture, row, column].sum()
                place = np.exp(-0.5 * (((row - 1) / (0.3 * 3)) ** 2 + ((column - 2) / (0.3 * 5)) ** 2))
                expected[picture] += energy**2 * place * maps[picture, row, column]
                total += energy**2 * place
        expected[picture] /= total
    np.testing.assert_allclose(EnergyPooling()(maps).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(EnergyPooling()(1e4 * maps).numpy(), 1e4 * expected, rtol=1e-5)


def test_energy_pooling_finds_the_bright_cell_and_survives_empty_maps():
    maps = np.full((1, 5, 5, 2), 0.01, np.float32)
    maps[0, 1, 3] = (3, 1)
    assert EnergyPooling()(maps).numpy() == pytest.approx(np.array([[3, 1]]), rel=0.01)
    assert EnergyPooling()(np.zeros((1, 5, 5, 2), np.float32)).numpy().tolist() == [[0, 0]]
    centred = centre_weights(3, 3)[0, 0]
    assert centred[1, 1] == 1
    assert centred[0, 1] == pytest.approx(np.exp(-0.5 / 0.81))


def test_larger_maps_are_shrunk_before_their_energy_is_taken():
    rng = np.random.default_rng(5)
    maps = {"first": rng.random((1, 4, 4, 3)).astype(np.float32), "last": rng.random((1, 2, 2, 6)).astype(np.float32)}
    tensors = {tap: keras.ops.convert_to_tensor(values) for tap, values in maps.items()}
    pooled = pool_taps(tensors, ("first", "last"), pooling="energy")
    shrunk = maps["first"].reshape(1, 2, 2, 2, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled["first"].numpy(), EnergyPooling()(shrunk).numpy(), rtol=1e-5)
    np.testing.assert_allclose(pooled["last"].numpy(), EnergyPooling()(maps["last"]).numpy(), rtol=1e-5)


def test_energy_pooling_takes_the_whole_map():
    with pytest.raises(ValueError, match="it takes a grid of 1"):
        PooledHead(("block5_conv3",), 0.1, grid=2, pooling="energy")


def test_energy_pooling_becomes_standard_operators(cached_recipe: Recipe, random_weights: str):
    recipe = replace(cached_recipe, head=replace(cached_recipe.head, pooling="energy"))
    network = build_network(recipe, 3, random_weights)
    model = convert(network, temperature=1.0)
    check_graph(model)
    images = np.random.default_rng(6).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answers,) = session.run(["probabilities"], {"image": images})
    assert_close(answers, keras.ops.softmax(network(images.astype(np.float32))).numpy())
    operators = {node.op_type for node in model.graph.node}
    assert not operators & {"If", "Loop", "Where", "Einsum"}
    assert isinstance(model, onnx.ModelProto)
