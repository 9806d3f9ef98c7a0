"""Compose face crops and backgrounds into scenes with known face positions.

Photos with faces in known places are what a face detector is calibrated and measured
on; composing them gives any number of sizes and crowds without annotating anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

SCENE_SIZE = (640, 480)
_FEATHER = 0.04  # soft edge of a pasted face, as a share of its height
_PLACES_TRIED = 60


@dataclass(frozen=True, slots=True)
class ComposedScene:
    """A composed picture.

    Attributes:
        image: Mode RGB.
        boxes: Where the faces are: left, top, right, bottom in pixels.
    """

    image: Image.Image
    boxes: list[tuple[int, int, int, int]]


def compose(
    crops: Sequence[Image.Image],
    background: Image.Image,
    heights_px: Sequence[int],
    rng: np.random.Generator,
    size: tuple[int, int] = SCENE_SIZE,
) -> ComposedScene:
    """Paste faces into a background, at random places that do not overlap.

    Args:
        crops: Tight face crops, mode RGB, one for each height.
        background: Mode RGB; its centre is scaled to fill the scene.
        heights_px: Height of each face. One that finds no free place is left out.
        rng: Decides places and lighting.
        size: Width and height of the scene.
    """
    image = ImageOps.fit(background, size, Image.Resampling.BILINEAR)
    boxes: list[tuple[int, int, int, int]] = []
    for number in np.argsort(heights_px)[::-1]:  # the largest first, while there is room
        crop, height = crops[number], heights_px[number]
        width = max(1, round(crop.width * height / crop.height))
        place = _free_place((width, height), size, boxes, rng)
        if place is None:
            continue
        face = crop.resize((width, height), Image.Resampling.LANCZOS)
        face = face.point((np.clip(np.arange(256) * rng.uniform(0.7, 1.2), 0, 255).astype(int).tolist()) * 3)
        image.paste(face, place, _soft_edged(face.size))
        boxes.append((*place, place[0] + width, place[1] + height))
    return ComposedScene(image, boxes)


def _free_place(
    face: tuple[int, int], size: tuple[int, int], taken: list[tuple[int, int, int, int]], rng: np.random.Generator
) -> tuple[int, int] | None:
    width, height = face
    if width > size[0] or height > size[1]:
        return None
    for _ in range(_PLACES_TRIED):
        left, top = int(rng.integers(size[0] - width + 1)), int(rng.integers(size[1] - height + 1))
        if all(left >= b[2] or left + width <= b[0] or top >= b[3] or top + height <= b[1] for b in taken):
            return left, top
    return None


def _soft_edged(size: tuple[int, int]) -> Image.Image:
    feather = max(1, round(_FEATHER * size[1]))
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle((feather, feather, size[0] - 1 - feather, size[1] - 1 - feather), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(feather / 2))
