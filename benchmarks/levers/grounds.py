"""Another ground behind a stone that lies on a plain one: does the head learn the ground instead of the stone?"""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

_COLOUR_DISTANCE = 40.0  # from the border's typical colour, of 442 at most
_PLAIN_BORDER = 0.8  # share of the border that has this colour
_EDGE_PX = 1.0

Pixels = npt.NDArray[np.uint8]


def exchange_ground(image_rgb: Pixels, ground_rgb: Pixels) -> Pixels:
    """Put another picture behind whatever stands on a plain ground.

    The ground is what has the colour of the picture's border and hangs together with it.

    Args:
        image_rgb: `uint8 [H, W, 3]`.
        ground_rgb: Likewise.

    Returns:
        Likewise; the picture as it was if its border is not of one colour.
    """
    distance = np.linalg.norm(image_rgb.astype(np.float32) - _border_colour(image_rgb), axis=-1)
    alike = distance < _COLOUR_DISTANCE
    if _border(alike).mean() < _PLAIN_BORDER:
        return image_rgb
    regions, _ = scipy.ndimage.label(alike)
    reaching = np.unique(_border(regions))
    ground = np.isin(regions, reaching[reaching > 0]).astype(np.float32)
    share = scipy.ndimage.gaussian_filter(ground, _EDGE_PX)[..., np.newaxis]  # or the old ground would leave a rim
    mixed: Pixels = np.rint(share * ground_rgb + (1 - share) * image_rgb).astype(np.uint8)
    return mixed


def _border_colour(image_rgb: Pixels) -> npt.NDArray[np.float32]:
    colour: npt.NDArray[np.float32] = np.median(_border(image_rgb), axis=0).astype(np.float32)
    return colour


def _border(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the outermost values of `[H, W, ...]`, `[2 W + 2 H, ...]`."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
