"""Augmented views of a photo: one affine warp, then lighting, all from a seed.

Views depend on the photo's hash and the view's number only, not on the order in which
they are made, so a resumed run and a run on more threads see the same pictures.
"""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from train.recipes import Augmentation


def view_rng(sha256: str, view: int, seed: int) -> np.random.Generator:
    """Return the generator that decides view number `view` of a photo."""
    return np.random.default_rng([int(sha256[:16], 16), view, seed])


def augment(image_rgb: npt.NDArray[np.uint8], policy: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a changed copy of an image.

    Args:
        image_rgb: `uint8 [H, W, 3]`.
        policy: Ranges of the changes.
        rng: Decides them.

    Returns:
        `uint8 [H, W, 3]`, same size; what lies outside the photo repeats its edge.
    """
    height, width = image_rgb.shape[:2]
    matrix = _output_to_input(policy, rng)
    shift = rng.uniform(-policy.shift, policy.shift, 2) * (height, width)
    gain = rng.uniform(1 - policy.brightness, 1 + policy.brightness)
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    offset = centre - matrix @ centre + shift
    warped = np.empty(image_rgb.shape, np.float32)
    for channel in range(3):
        affine_transform(
            image_rgb[..., channel].astype(np.float32),
            matrix,
            offset,
            output=warped[..., channel],
            order=1,
            mode="nearest",
        )
    return np.clip(np.rint(warped * gain), 0, 255).astype(np.uint8)


def _output_to_input(policy: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw the matrix that maps (row, column) of the view to (row, column) of the photo."""
    angle = np.deg2rad(rng.uniform(-policy.rotation_deg, policy.rotation_deg))
    shear = np.tan(np.deg2rad(rng.uniform(-policy.shear_deg, policy.shear_deg)))
    zoom = rng.uniform(1 - policy.zoom, 1 + policy.zoom, 2)
    mirror = -1.0 if policy.horizontal_flip and rng.random() < 0.5 else 1.0
    upside_down = -1.0 if policy.vertical_flip and rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sheared = np.array([[1.0, 0.0], [shear, 1.0]])
    scaled = np.diag([upside_down / zoom[0], mirror / zoom[1]])
    return rotation @ sheared @ scaled
