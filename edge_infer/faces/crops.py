"""The one crop rule for faces: from a detected face to the part of the picture a classifier sees.

Training, calibration and the device all cut faces here, by the `FaceCrop` that the model
file carries.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.faces.detector import Face
from edge_infer.model_file.metadata import FaceCrop, InputSpec

# In units of the larger of the distances between the eyes and from eyes to mouth: the side of a
# square as large as the detector's box (median of the training crops: `python -m benchmarks.quality.crop_rule`),
# and how far above the middle of eyes and mouth the middle of the square is.
BOX_SIDE = 2.27
FOREHEAD = 0.1
_OVERSAMPLING = 8


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in a picture, possibly turned and partly outside.

    Attributes:
        centre: x, y in pixels.
        size: Width and height in pixels, along the rectangle's own axes.
        angle_rad: How far its horizontal axis is turned, clockwise as seen.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    angle_rad: float = 0.0


def face_region(face: Face, rule: FaceCrop) -> Region:
    """Return the part of the picture that shows a face, by the rule.

    Upright, it is a square around the middle between eyes and mouth, whose size follows
    from their distances: landmarks are steadier than boxes, which end at a chin or a hairline
    as they please. Otherwise it is the box.
    """
    grow = 1 + 2 * rule.margin
    left, top, right, bottom = face.box
    if not rule.upright:
        return Region(((left + right) / 2, (top + bottom) / 2), (face.width * grow, face.height * grow))
    left_eye, right_eye, _, left_mouth, right_mouth = np.array(face.landmarks)
    across, down = right_eye - left_eye, (left_mouth + right_mouth - left_eye - right_eye) / 2
    tilt = np.arctan2(across[1] - down[0], across[0] + down[1])
    # Of a face turned aside the eyes come close together, of one bent down eyes and mouth.
    size = max(face.width, face.height)
    distance = np.clip(max(np.hypot(*across), np.hypot(*down)), 0.1 * size, size)
    centre = (left_eye + right_eye + left_mouth + right_mouth) / 4
    centre += FOREHEAD * distance * np.array([np.sin(tilt), -np.cos(tilt)])
    centre = np.clip(centre, (left, top), (right, bottom))  # whatever the landmarks say
    side = float(BOX_SIDE * distance * grow)
    return Region((float(centre[0]), float(centre[1])), (side, side), float(tilt))


def cut(image_rgb: Image.Image, region: Region, spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Scale a region to the network's input.

    Args:
        image_rgb: The whole picture, mode RGB.
        region: What to cut; beyond the picture its edge repeats.
        spec: Size of the result; the region is stretched to it.

    Returns:
        `uint8 [H, W, 3]`, RGB.
    """
    coarse = int(min(region.size[0] / spec.width, region.size[1] / spec.height)) // _OVERSAMPLING
    if coarse > 1:  # a face of thousands of pixels: the steps below would need as many in memory
        smaller = replace(
            region,
            centre=(region.centre[0] / coarse, region.centre[1] / coarse),
            size=(region.size[0] / coarse, region.size[1] / coarse),
        )
        return cut(image_rgb.reduce(coarse), smaller, spec)
    # First scale down with an antialiasing filter to about the final resolution, then turn.
    cosine, sine = np.cos(region.angle_rad), np.sin(region.angle_rad)
    width, height = region.size
    reach = np.array([abs(cosine) * width + abs(sine) * height, abs(sine) * width + abs(cosine) * height]) / 2 + 2
    centre = np.array(region.centre)
    (left, top), (right, bottom) = np.floor(centre - reach).tolist(), np.ceil(centre + reach).tolist()
    surroundings = _with_repeated_edges(image_rgb, (int(left), int(top), int(right), int(bottom)))
    density = min(1.0, max(spec.width / width, spec.height / height))
    reduced = np.maximum(np.round(np.array(surroundings.size) * density), 1).astype(int)
    scale = reduced / surroundings.size
    if density < 1:
        surroundings = surroundings.resize(tuple(reduced), Image.Resampling.BILINEAR)
    # Output pixel (u, v) -> surroundings' pixel (x, y), for Image.transform.
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([width / spec.width, height / spec.height])
    matrix = np.diag(scale) @ matrix
    offset = scale * (centre - (left, top)) - matrix @ np.array([spec.width / 2, spec.height / 2])
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    turned = surroundings.transform(
        (spec.width, spec.height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def crop_face(image_rgb: Image.Image, face: Face, spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Cut a face out of a picture by the model's rule.

    Args:
        image_rgb: The whole picture, mode RGB.
        face: In pixels of `image_rgb`.
        spec: The model's input; its `face` is the rule.

    Returns:
        `uint8 [H, W, 3]`, RGB.
    """
    if spec.face is None:
        raise ValueError("the model was not made for faces")
    return cut(image_rgb, face_region(face, spec.face), spec)


def _with_repeated_edges(image_rgb: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Crop a box that may reach beyond the picture."""
    left, top, right, bottom = box
    # Of a box wholly outside, the nearest row or column remains.
    x0, y0 = (min(max(low, 0), side - 1) for low, side in zip((left, top), image_rgb.size, strict=True))
    x1, y1 = max(x0 + 1, min(right, image_rgb.width)), max(y0 + 1, min(bottom, image_rgb.height))
    inside = image_rgb.crop((x0, y0, x1, y1))
    if inside.size == (right - left, bottom - top):
        return inside
    columns, rows = np.clip(np.arange(left, right), x0, x1 - 1) - x0, np.clip(np.arange(top, bottom), y0, y1 - 1) - y0
    return Image.fromarray(np.asarray(inside)[rows[:, np.newaxis], columns])
