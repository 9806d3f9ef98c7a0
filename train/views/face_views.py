"""The face in each training photo, found as the device will find it."""

from functools import cache

from edge_infer.faces.detector import DETECTOR, SCENE_SIDE, Face, FaceDetector
from edge_infer.model_file.registry import bundled_models
from edge_infer.pictures.loading import load_scene
from train.data.photos import Photo


@cache
def find_face(photo: Photo) -> Face | None:
    """Return the largest face in a photo, in pixels of its scene at `SCENE_SIDE`, or None.

    Raises:
        InputError: The photo cannot be decoded.
    """
    faces = _detector().detect_in(load_scene(photo.path, needed_side=SCENE_SIDE).image)
    return faces[0] if faces else None


def detector_sha256() -> str:
    """Return the digest of the detector's file."""
    return bundled_models()[DETECTOR].sha256


@cache
def _detector() -> FaceDetector:
    return FaceDetector(threads=1)  # its threads would wait for work in the way of TensorFlow's
