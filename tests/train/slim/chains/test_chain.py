"""Which networks are chains, and that channels which say nothing can go without changing an answer."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from train.errors import GoalError
from train.imports.imported import import_model
from train.runs.slim_folder import SlimFolder
from train.slim.chains.budget import budgeted_widths, check_chain_speedup, even_widths
from train.slim.chains.chain import Chain, read_chain, set_weights
from train.slim.chains.lessons import seen, teach
from train.slim.chains.rebuilding import ChainPruner
from train.slim.distillation import Distillation

pytestmark = pytest.mark.slow

L = keras.layers
SHAPE = (28, 25, 3)
WIDTHS = (32, 48, 32)
JOINS: dict[str, Callable[[], Any]] = {
    "flatten": L.Flatten,
    "average": L.GlobalAveragePooling2D,
    "maximum": L.GlobalMaxPooling2D,
}


def pixels(count: int = 48) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.uniform(0, 1, (count, 7, 7, 3)), np.ones((1, 4, 4, 1)))[:, :, :25].astype(np.float32)


def network(join: str, padding: str = "same", *, is_scaled: bool = False) -> keras.Model:
    """Convolutions of several shapes, each second channel of which is silent."""
    keras.utils.set_random_seed(1)
    image = tensor = L.Input(SHAPE)
    if is_scaled:
        tensor = L.Rescaling([1.0, 0.5, 2.0], 0.1, name="scaled")(tensor)
    for number, (width, kernel, strides) in enumerate(zip(WIDTHS, (3, (5, 3), 3), (2, 1, 1), strict=True)):
        is_normalized = number == 1
        conv = L.Conv2D(width, kernel, strides, padding=padding, use_bias=not is_normalized, name=f"conv_{number}")
        tensor = conv(tensor)
        conv.set_weights([half_silent(array) for array in conv.get_weights()])
        if is_normalized:
            tensor = L.BatchNormalization(name="normalized")(tensor)
            tensor = L.MaxPooling2D(name="pooled")(tensor)
        tensor = L.Activation("relu", name=f"relu_{number}")(tensor)
    tensor = L.Dense(8, activation=None, name="hidden")(JOINS[join](name="join")(tensor))
    return keras.Model(image, L.Dense(3, name="answer")(L.ReLU(name="relu")(tensor)))


def half_silent(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(array.shape[-1]) % 2 == 0, array, 0)


def rebuilt(chain: Chain, pruner: ChainPruner, widths: dict[str, int]) -> np.ndarray:
    """Prune to some widths; return the answers."""
    found = pruner.sensitivities()
    slim = chain.with_widths(widths)
    set_weights(slim, pruner.prune({name: found[name].keep(width) for name, width in widths.items()}))
    return slim.predict(pixels(), verbose=0)


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_channels_that_say_nothing_can_go(join: str, padding: str) -> None:
    original = network(join, padding)
    chain = read_chain(original, "mine.keras")
    assert chain.widths == {"conv_0": 32, "conv_1": 48, "conv_2": 32}
    answers = original.predict(pixels(), verbose=0)
    halves = {name: width // 2 for name, width in chain.widths.items()}
    slim = rebuilt(chain, ChainPruner(chain, pixels(), seed=1), halves)

    differs_by = answers.std(axis=0).min()  # from photo to photo
    assert differs_by > 1e-4
    assert np.abs(slim - answers).max() < 0.1 * differs_by


def test_the_cost_is_that_of_its_layers() -> None:
    chain = read_chain(network("flatten"), "mine.keras")
    convs = [9 * 3 * 32, 15 * 32 * 48, 9 * 48 * 32]
    dense = 7 * 6 * 32 * 8 + 8 * 3
    assert chain.places == 42
    assert chain.cost(chain.widths) == (
        14 * 13 * (convs[0] + convs[1]) + 7 * 6 * convs[2] + dense,
        sum(convs) + dense,
    )


def test_a_speedup_divides_what_is_computed_and_what_is_kept() -> None:
    chain = read_chain(network("flatten"), "mine.keras")
    found = ChainPruner(chain, pixels(), seed=1).sensitivities()
    widths = budgeted_widths(chain, found, 2.0)
    for before, after in zip(chain.cost(chain.widths), chain.cost(widths), strict=True):
        assert after <= before / 2
    assert set(widths.values()) <= {16, 32, 48}
    assert even_widths(chain, 0.5) == {"conv_0": 16, "conv_1": 32, "conv_2": 16}
    with pytest.raises(GoalError, match=r"^a speed-up of 9 cannot be reached: with 16 channels .* give --speedup 4 or"):
        check_chain_speedup(chain, 9.0)


def test_a_copy_of_all_channels_answers_the_same() -> None:
    original = network("average")
    chain = read_chain(original, "mine.keras")
    copy = chain.with_widths(chain.widths)
    set_weights(copy, chain.weights())
    assert np.array_equal(copy.predict(pixels(), verbose=0), original.predict(pixels(), verbose=0))


def test_a_slim_network_is_a_keras_file(tmp_path: Path) -> None:
    chain = read_chain(network("flatten", is_scaled=True), "mine.keras")
    slim = chain.with_widths(dict.fromkeys(chain.widths, 16))
    slim.save(tmp_path / "slim.keras")
    read = import_model(tmp_path / "slim.keras")

    assert [layer.filters for layer in read.core.layers if isinstance(layer, L.Conv2D)] == [16, 16, 16]
    assert np.abs(read.core.predict(pixels(), verbose=0) - slim.predict(pixels(), verbose=0)).max() < 1e-6


def test_teaching_brings_a_network_nearer_and_leaves_what_normalizes(eager_fits: None, tmp_path: Path) -> None:
    original = network("flatten")
    chain = read_chain(original, "mine.keras")
    pupil = chain.with_widths(chain.widths)
    rng = np.random.default_rng(0)
    noisy = {
        name: [array + rng.normal(0, 0.02, array.shape) if name.startswith("conv") else array for array in arrays]
        for name, arrays in chain.weights().items()
    }
    set_weights(pupil, noisy)
    views = (pixels() * 255).astype(np.uint8)

    def enter(image: Any) -> Any:
        return L.Rescaling(1 / 255)(image)

    def features(model: keras.Model) -> list[np.ndarray]:
        return [part.predict(views, verbose=0) for part in seen(model, chain, enter)]

    wanted = features(original)
    before = [np.abs(now - then).mean() for now, then in zip(features(pupil), wanted, strict=True)]
    settings = Distillation(views=1, epochs=30)
    teach(pupil, chain, enter, lambda chosen: views[chosen], wanted, settings, SlimFolder(tmp_path).distillation, 1)
    after = [np.abs(now - then).mean() for now, then in zip(features(pupil), wanted, strict=True)]

    assert after[0] < 0.8 * before[0]
    assert after[2] < 0.8 * before[2]
    for now, then in zip(pupil.get_layer("normalized").get_weights(), noisy["normalized"], strict=True):
        assert np.array_equal(now, then)
    assert not np.array_equal(pupil.get_layer("conv_0").get_weights()[0], noisy["conv_0"][0])


def _branched() -> keras.Model:
    image = L.Input(SHAPE)
    maps = L.Conv2D(4, 3, padding="same", name="first")(image)
    maps = L.Add(name="sum")([maps, L.Conv2D(4, 3, padding="same", name="second")(maps)])
    return keras.Model(image, L.Dense(2)(L.Flatten()(maps)))


def _chained(*layers: Any) -> keras.Model:
    model = keras.Sequential([L.Input(SHAPE), *layers])
    return keras.Model(model.inputs, model.outputs)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_branched, "layer 'second' does not read the one before it alone|layer 'sum' does not read the one before"),
        (
            lambda: _chained(L.Conv2D(4, 3), L.DepthwiseConv2D(3, name="deep"), L.Flatten(), L.Dense(2)),
            "layer 'deep' is a DepthwiseConv2D",
        ),
        (
            lambda: _chained(L.Conv2D(4, 3), L.Flatten(), L.BatchNormalization(name="norm"), L.Dense(2)),
            "layer 'norm' reads its maps",
        ),
        (lambda: _chained(L.Conv2D(2, 3), L.GlobalAveragePooling2D()), "no Dense layer reads its maps"),
        (lambda: _chained(L.Flatten(), L.Dense(2)), "it is not convolutions, then one Flatten or global pooling"),
        (
            lambda: _chained(L.Conv2D(4, 3, dilation_rate=2, name="wide"), L.Flatten(), L.Dense(2)),
            "convolution 'wide' has groups or gaps",
        ),
    ],
)
def test_other_networks_are_refused_in_one_line(make: Callable[[], keras.Model], why: str) -> None:
    with pytest.raises(GoalError, match=rf"^mine\.keras cannot be slimmed: ({why}).*only plain chains") as refused:
        read_chain(make(), "mine.keras")
    assert "\n" not in str(refused.value)
