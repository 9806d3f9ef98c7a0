"""VGG16's convolutions: their names and widths, with ImageNet's weights or, once slimmed, with fewer channels."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras

from edge_infer.model_file.mistaken import HEAD_BYTES, KERAS, mistaken_for_model
from train.errors import WeightsError
from train.recipes import Recipe

WEIGHTS_VARIABLE = "EDGE_INFER_BASE_WEIGHTS"
IMAGENET = "imagenet"
FIRST_CONV = "block1_conv1"
LAST_CONV = "block5_conv3"
# Simonyan & Zisserman 2014, configuration D: output channels and convolutions a block, 3x3 kernels throughout.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
FULL_WIDTHS = {
    f"block{block}_conv{i}": width for block, (width, convs) in enumerate(BLOCKS, start=1) for i in range(1, convs + 1)
}


def resolve_weights(weights: str | None) -> str:
    """Return the base weights to use: the argument, else the environment, else ImageNet's.

    Raises:
        WeightsError: A path that does not exist, or of something that is given in place of weights.
    """
    chosen = weights or os.environ.get(WEIGHTS_VARIABLE) or IMAGENET
    if chosen == IMAGENET:
        return chosen
    if not Path(chosen).is_file():
        raise WeightsError(f"base weights {chosen} do not exist: give a .weights.h5 file or {IMAGENET!r}")
    with Path(chosen).open("rb") as file:
        what = mistaken_for_model(file.read(HEAD_BYTES))
    if what not in (None, KERAS):
        raise WeightsError(f"base weights: {chosen} is {what}")
    return chosen


def build_base(recipe: Recipe, weights: str | None) -> keras.Model:
    """Build VGG16 without its top, for RGB input; for a slim recipe, with its widths.

    VGG16 was trained on BGR pixels. In `caffe` mode the first layer's kernel is turned
    to RGB here, once and exactly, so that no network has to reorder a picture's channels.
    In `unit` mode it is left as it is: the published recipes fed RGB to a BGR network.

    Args:
        recipe: Input size and preprocessing.
        weights: `imagenet`, the path of a `.weights.h5`, or None for random weights
            (when a run's own weights follow, as they do in a slim recipe).

    Raises:
        WeightsError: The file is unreadable or belongs to another network.
    """
    shape = (recipe.image_size, recipe.image_size, 3)
    if recipe.widths is not None:
        with _precision(recipe):
            return _slim_base(shape, recipe.widths, recipe.first_stride)
    try:
        with _precision(recipe), warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that the file lacks
            base = keras.applications.VGG16(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:  # h5py, Keras and the download each raise their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = "could not be downloaded" if weights == IMAGENET else "do not fit VGG16 without top"
        raise WeightsError(
            f"base weights {weights} {what}: {reason} (give --base-weights FILE with a Keras .weights.h5 of it)"
        ) from error
    if weights is not None and recipe.preprocessing == "caffe":
        first = base.get_layer(FIRST_CONV)
        kernel, bias = first.get_weights()  # kernel [3, 3, in, out]
        first.set_weights([kernel[:, :, ::-1], bias])
    return base


@contextmanager
def _precision(recipe: Recipe) -> Iterator[None]:
    """Build layers that compute in the recipe's precision."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.mixed_precision else policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def copy_in_precision(base: keras.Model, recipe: Recipe) -> keras.Model:
    """Return a copy of a base of this recipe that computes in the recipe's precision."""
    copy = build_base(recipe, None)
    for layer in base.layers:
        if layer.get_weights():
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def _slim_base(shape: tuple[int, int, int], widths: tuple[int, ...], first_stride: int) -> keras.Model:
    """Build VGG16's first layers with other widths, under their own names."""
    maps = image = keras.Input(shape)
    for name, width in zip(FULL_WIDTHS, widths, strict=False):
        stride = first_stride if name == FIRST_CONV else 1
        maps = keras.layers.Conv2D(width, 3, stride, padding="same", activation="relu", name=name)(maps)
        if pool_follows(name, first_stride):
            maps = keras.layers.MaxPooling2D(2, name=pool_after(name))(maps)
    return keras.Model(image, maps, name="vgg16")


def count_macs(widths: Sequence[int], image_size: int, first_stride: int = 1) -> int:
    """Return the multiply-accumulates of a picture's way through the first `len(widths)` convolutions."""
    side, channels, macs = image_size // first_stride, 3, 0
    for name, width in zip(FULL_WIDTHS, widths, strict=False):
        macs += side * side * 9 * channels * width
        channels = width
        if pool_follows(name, first_stride):
            side //= 2
    return macs


def conv_layers(last: str) -> tuple[str, ...]:
    """Return the names of VGG16's convolutions up to one."""
    names = tuple(FULL_WIDTHS)
    return names[: names.index(last) + 1]


def pool_follows(layer: str, first_stride: int = 1) -> bool:
    """Return whether a convolution is the last of its block, which max pooling ends.

    Where the first convolution takes steps of 2 pixels, the first block's maps are as small without it.
    """
    block, number = int(layer[len("block")]), int(layer[-1])
    return number == BLOCKS[block - 1][1] and (block > 1 or first_stride == 1)


def pool_after(layer: str) -> str:
    """Return the name of the max pooling that ends a layer's block."""
    return f"{layer.split('_')[0]}_pool"


def last_blocks(tap: str, blocks: int) -> tuple[str, tuple[str, ...]]:
    """Return what the last blocks of VGG16 up to a tap start from, and their convolutions.

    Args:
        tap: The layer that they end in, as `block5_conv3`.
        blocks: How many: 2 are `block3_pool` and the layers from `block4_conv1` on.

    Raises:
        ValueError: There are no more blocks before them.
    """
    first = int(tap[len("block")]) - blocks + 1
    if blocks < 1 or first < 2:
        raise ValueError(f"{blocks} blocks up to {tap} leave none below them")
    return f"block{first - 1}_pool", tuple(name for name in conv_layers(tap) if name >= f"block{first}")


def tap_maps(base: keras.Model, taps: tuple[str, ...]) -> keras.Model:
    """Cut VGG16 after the last tap and return every tap's feature map, by name."""
    return keras.Model(base.input, {tap: base.get_layer(tap).output for tap in taps}, name="vgg16")
