"""Views of a photo: whole, cut to a part, or changed at random, at the network's size."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import fit, load_input, load_rgb
from train.data.photos import Photo
from train.recipes import Augmentation
from train.views.augmentation import augment, view_rng

Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the sides
SIDE_PX = 224
# A part is cut from a photo decoded at this size, so that a quarter of its area still fills the input.
_SCENE_SIDE_PX = 560
_LEAST_AREA = 0.25
_LARGEST_ASPECT = 4 / 3
_SEED = 1
BOTH = Augmentation(
    rotation_deg=20,
    horizontal_flip=True,
    vertical_flip=True,
    brightness=0.25,
    contrast=0.2,
    gamma=0.3,
    tint=0.08,
    saturation=0.25,
)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a photo.

    Attributes:
        number: 0 for the photo as it is; others are random parts of it, turned and relit.
        box: The part that is shown, for number 0; None for all of it.
        side: Of the square picture, pixels.
    """

    number: int = 0
    box: Box | None = None
    side: int = SIDE_PX

    @property
    def cost(self) -> float:
        """Pixels, as many times those of the network's own input."""
        return (self.side / SIDE_PX) ** 2


WHOLE = View()
CENTRE = View(box=(0.15, 0.15, 0.85, 0.85))


def random_views(count: int) -> tuple[View, ...]:
    """Return the whole photo and so many random views."""
    return tuple(View(number) for number in range(count + 1))


def load_view(photo: Photo, view: View) -> npt.NDArray[np.uint8]:
    """Load a view, stretched: `uint8 [side, side, 3]`, RGB.

    Raises:
        InputError: The photo cannot be decoded.
    """
    spec = InputSpec(view.side, view.side)
    if view == View(side=view.side):
        return load_input(photo.path, spec)
    scene = load_rgb(photo.path, needed_side=_SCENE_SIDE_PX)
    if view.number == 0:
        return fit(_part(scene, view.box or (0.0, 0.0, 1.0, 1.0)), spec)
    rng = view_rng(photo.sha256, view.number, _SEED)
    return augment(fit(_part(scene, random_box(rng)), spec), BOTH, rng)


def random_box(rng: np.random.Generator) -> Box:
    """Draw a part of a photo: a quarter to all of its area, its aspect changed by up to 4/3, anywhere."""
    while True:
        area = rng.uniform(_LEAST_AREA, 1)
        aspect = np.exp(rng.uniform(-1, 1) * np.log(_LARGEST_ASPECT))
        width, height = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if max(width, height) <= 1:
            left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
            return float(left), float(top), float(left + width), float(top + height)


def _part(image: Image.Image, box: Box) -> Image.Image:
    left, right = (round(share * image.width) for share in box[::2])
    top, bottom = (round(share * image.height) for share in box[1::2])
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
