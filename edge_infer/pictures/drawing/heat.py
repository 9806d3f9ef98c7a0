"""A map of shares as a translucent layer over its picture: blue speaks for the label, orange against it.

The scale runs through OKLab (Ottosson 2020), where equal steps look equal, between the two colours that answers are
written in: Okabe and Ito's blue and vermilion (2008), which people with any colour vision tell apart. Where the map is
near zero the picture shows through.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.pictures.drawing.annotate import CERTAIN_RGB, UNCERTAIN_RGB

MAP_SIDE_PX = 128  # a map is drawn at this size and scaled up with its picture: it has far fewer cells
_MIDDLE_RGB = (240, 240, 240)
_STEPS = 255  # odd: 0 has a colour of its own
_OPACITY = 0.75  # of the strongest share
# A share this part of the strongest is half as opaque: weaker ones are seen, but do not tint the whole picture.
_GAMMA = 0.8

_LINEAR_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def draw_heat(image_rgb: Image.Image, heat: npt.NDArray[np.float32], largest: float | None = None) -> Image.Image:
    """Return a picture with a map over it.

    Args:
        image_rgb: Mode RGB.
        heat: `float32 [h, w]`, of any size; drawn over the whole picture.
        largest: The share that gets the strongest colour, and its negative the other; by default the largest there is.
    """
    strongest = float(np.abs(heat).max()) if largest is None else largest
    relative = np.clip(heat / strongest, -1, 1) if strongest > 0 else np.zeros_like(heat)
    colours = scale_rgb()[np.rint((relative + 1) / 2 * (_STEPS - 1)).astype(np.intp)]
    opacity = np.rint(255 * _OPACITY * np.abs(relative) ** _GAMMA).astype(np.uint8)
    layer, mask = (
        Image.fromarray(values).resize(image_rgb.size, Image.Resampling.BILINEAR) for values in (colours, opacity)
    )
    return Image.composite(layer, image_rgb, mask)


def map_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which a map is drawn for a picture of some width and height."""
    factor = min(1.0, MAP_SIDE_PX / max(size))
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height


@cache
def scale_rgb() -> npt.NDArray[np.uint8]:
    """Return the colours from against to for, `uint8 [255, 3]`."""
    against, middle, speaks = (to_oklab(np.array(rgb)) for rgb in (UNCERTAIN_RGB, _MIDDLE_RGB, CERTAIN_RGB))
    place = np.linspace(-1, 1, _STEPS)[:, np.newaxis]
    lab = np.where(place < 0, middle + (against - middle) * -place, middle + (speaks - middle) * place)
    return _from_oklab(lab)


def to_oklab(rgb: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return sRGB colours 0-255 `[..., 3]` in OKLab."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lab: npt.NDArray[np.float64] = np.cbrt(linear @ _LINEAR_TO_LMS.T) @ _LMS_TO_LAB.T
    return lab


def _from_oklab(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    linear = ((lab @ np.linalg.inv(_LMS_TO_LAB).T) ** 3) @ np.linalg.inv(_LINEAR_TO_LMS).T
    share = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    rgb: npt.NDArray[np.uint8] = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return rgb
