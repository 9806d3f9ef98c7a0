"""The first layer of every network: RGB pixels to what its base expects."""

from typing import Literal

import keras
from keras import ops

from train.recipes import Preprocessing, Recipe

# Mean of the ImageNet training set, RGB, 0-255 (Simonyan & Zisserman 2014; keras.applications "caffe" mode).
IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
# What a slim network takes off instead: one whole number for all channels, so that int8 needs no arithmetic for it.
GREY = 115

PixelScaling = Literal[Preprocessing, "grey"]


class Preprocess(keras.layers.Layer):
    """RGB pixels in 0–255 -> what the base of `build_base` expects, still RGB.

    Args:
        scaling: `caffe` or `unit`, as in `train.recipes.Recipe`, or `grey`: `GREY` is taken off.
    """

    def __init__(self, scaling: PixelScaling, **options: object) -> None:
        super().__init__(trainable=False, **options)
        self.scaling = scaling

    def call(self, image_rgb: keras.KerasTensor) -> keras.KerasTensor:  # symbolic or concrete, [N, H, W, 3]
        """Return `float32 [N, H, W, 3]`."""
        pixels = ops.cast(image_rgb, "float32")
        match self.scaling:
            case "unit":
                return pixels / 255.0
            case "grey":
                return pixels - float(GREY)
            case _:
                return pixels - ops.convert_to_tensor(IMAGENET_MEAN_RGB, "float32")


def pixel_scaling(recipe: Recipe) -> PixelScaling:
    """Return how a recipe's network scales its pixels.

    A slim network's first layer is solved anew, and its bias with it, so it can do with one grey
    value where the full network needs a mean for each channel.
    """
    return "grey" if recipe.widths is not None and recipe.preprocessing == "caffe" else recipe.preprocessing
