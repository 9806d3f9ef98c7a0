"""Close-ups of places in a picture: squares that keep their shape at the picture's border."""

import numpy as np
import numpy.typing as npt
from PIL import Image

# A close-up shows a box with as much again around it, in a square of this side, pixels.
CLOSE_UP_SIDE = 128
_GROWTH = 2.0

Floats = npt.NDArray[np.float64]


def squares_around(boxes: Floats) -> tuple[Floats, Floats]:
    """Return the squares that close-ups of boxes `[K, 4]` show.

    Returns:
        Their left upper corners `[K, 2]` and sides `[K]`, in pixels, perhaps beyond the picture.
    """
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1) * _GROWTH, 1)
    return (boxes[:, :2] + boxes[:, 2:] - sides[:, np.newaxis]) / 2, sides


def cut_square(image_rgb: Image.Image, corner: Floats, side: float, quarters: int = 0) -> npt.NDArray[np.uint8]:
    """Scale a square of a picture to a close-up.

    Args:
        image_rgb: The picture, mode RGB; black beyond its border.
        corner: The square's left upper corner, x, y in pixels.
        side: Its side, pixels.
        quarters: How many quarter turns, counter-clockwise, the close-up is turned by.

    Returns:
        `uint8 [128, 128, 3]`.
    """
    low, high = np.clip([corner, corner + side], 0, image_rgb.size)
    inside = np.clip(np.array([low - corner, high - corner]) * CLOSE_UP_SIDE / side, 0, CLOSE_UP_SIDE)
    (left, top), (right, bottom) = np.round(inside).astype(int).tolist()
    close_up = Image.new("RGB", (CLOSE_UP_SIDE, CLOSE_UP_SIDE))
    if right > left and bottom > top:
        size, box = (right - left, bottom - top), (*low.tolist(), *high.tolist())
        close_up.paste(image_rgb.resize(size, Image.Resampling.BILINEAR, box=box), (left, top))
    return np.rot90(np.asarray(close_up), quarters)
