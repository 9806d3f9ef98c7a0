"""The face in each training photo, found as the device will find it, and what surrounds the photo in its views."""

from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from edge_infer.faces.crops import Region
from edge_infer.faces.detector import SCENE_SIDE, Face, FaceDetector
from edge_infer.model_file.registry import DETECTOR, bundled_models
from edge_infer.pictures.loading import load_scene
from train.data.photos import Photo

_MOST_COLOURS = 8  # along each side


@cache
def find_face(photo: Photo) -> Face | None:
    """Return the largest face in a photo, in pixels of its scene at `SCENE_SIDE`, or None.

    Raises:
        InputError: The photo cannot be decoded.
    """
    faces = _detector().detect_in(load_scene(photo.path, needed_side=SCENE_SIDE).image)
    return faces[0] if faces else None


def surrounded(image_rgb: Image.Image, region: Region, rng: np.random.Generator) -> tuple[Image.Image, Region]:
    """Let a photo go on in random blurred colours beyond its edges, by half its size on each side.

    Training photos are tight crops; in portraits a face has hair, clothes and a room around it. Where crops
    would only repeat their edges, a network learns from edges that no device shows it.

    Args:
        image_rgb: Mode RGB.
        region: A part of it.
        rng: Decides the colours.

    Returns:
        The larger picture, and the same part of it.
    """
    width, height = image_rgb.size
    left, top = width // 2, height // 2
    colours = int(rng.integers(1, _MOST_COLOURS + 1))
    around = Image.fromarray(rng.integers(0, 256, (colours, colours, 3), dtype=np.uint8))
    larger = around.resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    larger.paste(image_rgb, (left, top))
    return larger, replace(region, centre=(region.centre[0] + left, region.centre[1] + top))


def detector_sha256() -> str:
    """Return the digest of the detector's file."""
    return bundled_models()[DETECTOR].sha256


@cache
def _detector() -> FaceDetector:
    return FaceDetector(threads=1)  # its threads would wait for work in the way of TensorFlow's
