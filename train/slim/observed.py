"""Where the original and the slim network are compared: the maps that the head reads."""

import keras

from train.networks.network import object_and_scene, pooled_features
from train.networks.pixels import Preprocess, pixel_scaling
from train.networks.pooling import pool_taps
from train.networks.vgg16 import FULL_WIDTHS, LAST_CONV, conv_layers, tap_maps
from train.recipes import DenseHead, PooledHead, Pooling, Recipe


def observed_taps(recipe: Recipe) -> tuple[tuple[str, ...], int]:
    """Return the layers at which two networks are compared, and the grid over which their maps are averaged."""
    if isinstance(recipe.head, DenseHead):  # it reads the maps behind the last pooling, which halves their sides
        return (LAST_CONV,), max(1, recipe.image_size // 32)
    return recipe.head.taps, recipe.head.grid


def observed_pooling(recipe: Recipe) -> Pooling:
    """Return how those maps are pooled."""
    return "average" if isinstance(recipe.head, DenseHead) else recipe.head.pooling


def observed_features(base: keras.Model, recipe: Recipe) -> keras.Model:
    """Return `[N, H, W, 3]` RGB pixels 0–255 -> the features that are compared, `float32 [N, d]`."""
    taps, grid = observed_taps(recipe)
    image = keras.Input((recipe.image_size, recipe.image_size, 3))
    maps = tap_maps(base, taps)(Preprocess(pixel_scaling(recipe))(image))
    pooled = list(pool_taps(maps, taps, grid, observed_pooling(recipe)).values())
    match recipe.head:
        case DenseHead():
            return keras.Model(image, pooled[0])
        case PooledHead(known=None):
            return keras.Model(image, pooled_features(pooled))
        case _:
            return keras.Model(image, object_and_scene(pooled_features(pooled), maps, taps))


def observed_layers(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the convolutions that a recipe's network has."""
    taps, _ = observed_taps(recipe)
    return conv_layers(taps[-1])


def full_widths(recipe: Recipe) -> tuple[int, ...]:
    """Return the widths that a recipe's layers have in VGG16."""
    return tuple(FULL_WIDTHS[name] for name in observed_layers(recipe))
