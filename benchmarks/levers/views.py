"""Views of a photo: whole, cut to a part, or changed at random, at the network's size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.levers.grounds import exchange_ground
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import fit, load_input, load_rgb
from train.data.photos import Photo
from train.recipes import RECIPES, Augmentation
from train.views.augmentation import view_rng
from train.views.features import load_view as load_training_view

Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the sides
SIDE_PX = 224
# A part is cut from a photo decoded at this size, so that a quarter of its area still fills the input.
_SCENE_SIDE_PX = 560
_RECIPE = RECIPES["gems"]  # by which parts are drawn and changed
CHANGES = {  # what of the recipe's augmentation each makes
    "light": ("brightness", "contrast", "gamma"),
    "white balance": ("tint", "saturation"),
    "position": ("crop", "rotation_deg", "horizontal_flip", "vertical_flip"),
}


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a photo.

    Attributes:
        number: 0 for the photo as it is; others are random parts of it, turned and relit.
        box: The part that is shown, for number 0; None for all of it.
        side: Of the square picture, pixels.
        ground: Number of the ground that a plain one is exchanged for; 0 leaves the photo's own.
        change: The only change that a random view makes, of `CHANGES`; None for all of the recipe's.
    """

    number: int = 0
    box: Box | None = None
    side: int = SIDE_PX
    ground: int = 0
    change: str | None = None

    @property
    def cost(self) -> float:
        """Pixels, as many times those of the network's own input."""
        return (self.side / SIDE_PX) ** 2


WHOLE = View()
CENTRE = View(box=(0.15, 0.15, 0.85, 0.85))


def random_views(count: int, side: int = SIDE_PX, change: str | None = None) -> tuple[View, ...]:
    """Return the whole photo and so many random views."""
    return (View(side=side), *(View(number, side=side, change=change) for number in range(1, count + 1)))


def exchanged_grounds(count: int) -> tuple[View, ...]:
    """Return so many views of the whole photo, each on another ground where its own is plain."""
    return tuple(View(ground=number) for number in range(1, count + 1))


def load_view(photo: Photo, view: View, grounds: Sequence[Photo] = ()) -> npt.NDArray[np.uint8]:
    """Load a view, stretched: `uint8 [side, side, 3]`, RGB.

    Args:
        photo: The photo.
        view: What to show of it.
        grounds: What another ground is taken from.

    Raises:
        InputError: A photo cannot be decoded.
    """
    if view.ground:
        spec = InputSpec(view.side, view.side)
        drawn = int(view_rng(photo.sha256, view.ground, _RECIPE.seed).integers(len(grounds)))
        return exchange_ground(load_input(photo.path, spec), load_input(grounds[drawn].path, spec))
    if view.box is None:
        augmentation = _RECIPE.augmentation if view.change is None else _only(view.change)
        return load_training_view(photo, view.number, replace(_RECIPE, image_size=view.side, augmentation=augmentation))
    scene = load_rgb(photo.path, needed_side=_SCENE_SIDE_PX)
    return fit(_part(scene, view.box), InputSpec(view.side, view.side))


def _only(change: str) -> Augmentation:
    return Augmentation(**{setting: getattr(_RECIPE.augmentation, setting) for setting in CHANGES[change]})


def _part(image: Image.Image, box: Box) -> Image.Image:
    left, right = (round(share * image.width) for share in box[::2])
    top, bottom = (round(share * image.height) for share in box[1::2])
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
