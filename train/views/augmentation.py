"""Augmented views of a photo: a part of it, one affine warp, then lighting, then damage, all from a seed.

Views depend on the photo's hash and the view's number only, not on the order in which
they are made, so a resumed run and a run on more threads see the same pictures.
"""

from dataclasses import replace
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import affine_transform

from edge_infer.faces.crops import Region
from train.metrics import Floats
from train.recipes import Augmentation

_BLURRED_TO = (0.2, 0.6)  # of the size
_JPEG_QUALITY = (25, 80)
_LARGEST_ASPECT = 4 / 3  # by which a part's aspect differs from the photo's
_PART_ATTEMPTS = 10


def view_rng(sha256: str, view: int, seed: int) -> np.random.Generator:
    """Return the generator that decides view number `view` of a photo."""
    return np.random.default_rng([int(sha256[:16], 16), view, seed])


def random_part(
    size: tuple[int, int], policy: Augmentation, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Draw a part of a photo (random resized crop: Szegedy et al. 2015).

    Args:
        size: Width and height of the photo, pixels.
        policy: Its `crop`.
        rng: Decides the part.

    Returns:
        Left, upper, right and lower edge, pixels.
    """
    for _ in range(_PART_ATTEMPTS):
        area = rng.uniform(1 - policy.crop, 1)
        aspect = _LARGEST_ASPECT ** rng.uniform(-1, 1)
        shares = np.sqrt([area * aspect, area / aspect])
        if shares.max() <= 1:
            break
    else:
        shares = np.sqrt([1 - policy.crop] * 2)
    corner = rng.uniform(0, 1 - shares)
    left, upper = corner * size
    right, lower = (corner + shares) * size
    return float(left), float(upper), float(right), float(lower)


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
    return _damaged(_relit(warped, policy, rng), policy, rng)


def jitter(region: Region, policy: Augmentation, rng: np.random.Generator) -> Region:
    """Return a changed region of a photo: turned, shifted and scaled, one factor for both axes."""
    grow = rng.uniform(1 - policy.zoom, 1 + policy.zoom)
    shift_x, shift_y = rng.uniform(-policy.shift, policy.shift, 2) * region.size
    turn = np.deg2rad(rng.uniform(-policy.rotation_deg, policy.rotation_deg))
    return replace(
        region,
        centre=(region.centre[0] + shift_x, region.centre[1] + shift_y),
        size=(region.size[0] * grow, region.size[1] * grow),
        angle_rad=region.angle_rad + turn,
    )


def relight(image_rgb: npt.NDArray[np.uint8], policy: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a copy of an image `[H, W, 3]`, flipped or not, with changed lighting and damage."""
    if policy.horizontal_flip and rng.random() < 0.5:
        image_rgb = image_rgb[:, ::-1]
    return _damaged(_relit(image_rgb.astype(np.float32), policy, rng), policy, rng)


def _relit(pixels: Floats, policy: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Change the lighting of pixels in 0–255, and round them."""
    pixels = pixels * rng.uniform(1 - policy.brightness, 1 + policy.brightness)
    if policy.gamma:
        pixels = 255 * (np.clip(pixels, 0, 255) / 255) ** np.exp(rng.uniform(-policy.gamma, policy.gamma))
    if policy.contrast:
        pixels = 128 + (pixels - 128) * rng.uniform(1 - policy.contrast, 1 + policy.contrast)
    if policy.tint:
        pixels = pixels * rng.uniform(1 - policy.tint, 1 + policy.tint, 3)
    if policy.saturation or policy.grey_share:
        grey = pixels.mean(axis=-1, keepdims=True)
        saturation = rng.uniform(1 - policy.saturation, 1 + policy.saturation)
        pixels = grey + (pixels - grey) * (0 if rng.random() < policy.grey_share else saturation)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _damaged(image_rgb: npt.NDArray[np.uint8], policy: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Scale down and up, and compress, as photos on their way through the world are."""
    image = Image.fromarray(image_rgb)
    if rng.random() < policy.blurred_share:
        factor = rng.uniform(*_BLURRED_TO)
        small = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(small, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BICUBIC)
    if rng.random() < policy.jpeg_share:
        file = BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(*_JPEG_QUALITY)))
        image = Image.open(file).convert("RGB")
    return np.array(image)


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
    matrix: npt.NDArray[np.float64] = rotation @ sheared @ scaled
    return matrix
