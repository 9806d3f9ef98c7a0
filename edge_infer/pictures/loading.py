"""Any picture to the network's input: decode, orient, flatten to RGB, resize.

Training, calibration, parity checks and the device all use this code, so a model sees pictures on
the device exactly as it saw them in training.

Every source ends as 8-bit RGB, by fixed rules:

- EXIF orientation is applied; colours are translated to sRGB by the embedded profile.
- Transparency is laid over white.
- 16-bit greyscale is scaled to 8 bits; 1-bit, palette, CMYK and YCbCr are converted.
- Of an animation or a multi-page file the first frame counts.
"""

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.errors import UnsupportedImageError
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.containers.container import Container
from edge_infer.pictures.containers.orientation import exif_orientation
from edge_infer.pictures.decoded import Decoded, KeptPicture
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from edge_infer.pictures.opening import OpenedPicture, check_size, completed, open_picture, typed_errors
from edge_infer.pictures.pixels import PixelRule
from edge_infer.pictures.profiles import profile_of, to_srgb
from edge_infer.pictures.turning import as_turn, turned_on
from edge_infer.pictures.whole import load_whole

ImageSource = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | KeptPicture | npt.NDArray[np.uint8]

# A JPEG is decoded at the smallest scale (1, 1/2, 1/4, 1/8) that is still this many
# times the input: at 2 the antialiasing filter sees enough pixels that no gem photo
# changes its answer (tests/edge_infer/pictures/test_loading.py, benchmarks/speed/jpeg_decode.py).
DRAFT_MARGIN = 2

# A reduced decode makes room for few pixels and still reads the whole file: this many pixels count as one.
REDUCED_PIXELS = 16

_EXIF_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = {_TRANSPOSE[tag] for tag in (5, 6, 7, 8)}
_FILTER = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def load_input(
    source: ImageSource,
    spec: InputSpec,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    rotate: int = 0,
) -> npt.NDArray[np.uint8]:
    """Turn any picture into one network input.

    Args:
        source: As in `load_rgb`.
        spec: The model's input size and resize rule.
        max_pixels: As in `load_rgb`.
        max_bytes: As in `load_rgb`.
        rotate: As in `load_rgb`.

    Returns:
        `uint8 [H, W, 3]`, RGB, C-contiguous: the given array itself, if it is that already.

    Raises:
        InputError: As in `load_rgb`.
    """
    return load_input_and_size(source, spec, max_pixels=max_pixels, max_bytes=max_bytes, rotate=rotate)[0]


def load_input_and_size(
    source: ImageSource,
    spec: InputSpec,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    rotate: int = 0,
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Turn any picture into one network input, as `load_input` does, and return the upright picture's size too.

    Returns:
        The input, and the width and height of the picture, pixels.

    Raises:
        InputError: As in `load_rgb`.
    """
    if isinstance(source, np.ndarray) and source.shape == (spec.height, spec.width, 3) and not rotate:
        _check_array(source, max_pixels)
        return np.ascontiguousarray(source), (spec.width, spec.height)
    # A reduced decode has averaged the pixels that `nearest` would choose from.
    needed_side = None if spec.interpolation == "nearest" else DRAFT_MARGIN * max(spec.height, spec.width)
    stored = _load(source, needed_side, max_pixels, max_bytes, rotate)
    # Turning the small result costs nothing; a large picture would be copied for it.
    is_swapped = stored.turn in _SWAPS_SIDES
    height, width = (spec.width, spec.height) if is_swapped else (spec.height, spec.width)
    resized = _resize(stored.pixels, stored.box, replace(spec, height=height, width=width))
    pixels = np.asarray(_turned(to_srgb(resized, stored.profile, stored.name), stored.turn))
    return pixels, stored.full_size[::-1] if is_swapped else stored.full_size


def load_rgb(
    source: ImageSource,
    *,
    needed_side: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    rotate: int = 0,
) -> Image.Image:
    """Decode a picture to an upright RGB image.

    Args:
        source: A path, the bytes of a file, a binary file object, a PIL image, or a
            `uint8 [H, W, 3]` RGB array.
        needed_side: When given, a JPEG file may be decoded at a reduced scale at which both
            sides still have at least this many pixels. A PIL image is the caller's and
            decoded in full.
        max_pixels: Refuse pictures that decode to more pixels than this. At a reduced scale a JPEG
            counts as at least a sixteenth of its pixels, and in full if it has several scans (is
            progressive), since its decoder holds it.
        max_bytes: Refuse larger files.
        rotate: Turn the upright picture clockwise by so many degrees: 0, 90, 180 or 270.

    Returns:
        A PIL image of mode RGB.

    Raises:
        ImageNotFoundError: The path names no regular, readable file.
        ImageDecodeError: Damaged, cut short, or not one of `FORMATS`.
        ImageTooLargeError: More than `max_pixels` or `max_bytes`, or than memory holds.
        UnsupportedImageError: An array of another dtype or shape, or a pixel format
            without a defined RGB rendering.
    """
    stored = _load(source, needed_side, max_pixels, max_bytes, rotate)
    return _turned(to_srgb(stored.pixels, stored.profile, stored.name), stored.turn)


@dataclass(frozen=True, slots=True)
class Scene:
    """A decoded picture, upright, to look for something in.

    Attributes:
        image: Mode RGB.
        scale: Pixels of the picture itself per pixel of `image`, along x and y: 1, or about
            2, 4 or 8 after a reduced decode.
    """

    image: Image.Image
    scale: tuple[float, float]


def load_scene(
    source: ImageSource,
    *,
    needed_side: int | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    rotate: int = 0,
) -> Scene:
    """Decode a picture as `load_rgb` does, and say at which scale.

    Args:
        source: As in `load_rgb`.
        needed_side: As in `load_rgb`.
        max_pixels: As in `load_rgb`.
        max_bytes: As in `load_rgb`.
        rotate: As in `load_rgb`.

    Raises:
        InputError: As in `load_rgb`.
    """
    stored = _load(source, needed_side, max_pixels, max_bytes, rotate)
    pixels = stored.pixels
    if stored.box != (0, 0, *pixels.size):  # a last row or column is partial
        pixels = pixels.resize(pixels.size, Image.Resampling.BILINEAR, box=stored.box)
    scale_x, scale_y = stored.full_size[0] / pixels.width, stored.full_size[1] / pixels.height
    upright = _turned(to_srgb(pixels, stored.profile, stored.name), stored.turn)
    return Scene(upright, (scale_y, scale_x) if stored.turn in _SWAPS_SIDES else (scale_x, scale_y))


def fit(image: Image.Image, spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Resize an upright RGB image by the model's rule.

    Returns:
        `uint8 [H, W, 3]`.
    """
    return np.asarray(_resize(image, (0, 0, *image.size), spec))


def _load(source: ImageSource, needed_side: int | None, max_pixels: int, max_bytes: int, rotate: int) -> Decoded:
    stored = _as_stored(source, needed_side, max_pixels, max_bytes)
    return replace(stored, turn=turned_on(stored.turn, as_turn(rotate)))


def _as_stored(source: ImageSource, needed_side: int | None, max_pixels: int, max_bytes: int) -> Decoded:
    if isinstance(source, KeptPicture):
        return source.load(partial(_as_stored, needed_side=needed_side, max_pixels=max_pixels, max_bytes=max_bytes))
    if isinstance(source, np.ndarray):
        image = _from_array(source, max_pixels)
        return Decoded(image, (0, 0, *image.size), None, image.size)
    if isinstance(source, Image.Image):
        name = getattr(source, "filename", "") or "the given picture"
        return _decode(OpenedPicture(source, name), None, max_pixels)  # a reduced decode would shrink the caller's
    return _decode(open_picture(source, max_pixels, max_bytes), needed_side, max_pixels)


def _resize(image: Image.Image, box: tuple[float, float, float, float], spec: InputSpec) -> Image.Image:
    return image.resize((spec.width, spec.height), _FILTER[spec.interpolation], box=shown_box(box, spec))


def shown_box(box: tuple[float, float, float, float], spec: InputSpec) -> tuple[float, float, float, float]:
    """Return the part of `box` (left, top, right, bottom) that the network is shown.

    That is all of it, or, cropped, the largest centred part with the input's aspect ratio.
    """
    if spec.resize == "stretch":
        return box
    left, top, right, bottom = box
    scale = min((right - left) / spec.width, (bottom - top) / spec.height)
    margin_x, margin_y = (right - left - spec.width * scale) / 2, (bottom - top - spec.height * scale) / 2
    # A margin may be negative by a rounding error, and Pillow refuses a box beyond the picture.
    margin_x, margin_y = max(margin_x, 0.0), max(margin_y, 0.0)
    return left + margin_x, top + margin_y, right - margin_x, bottom - margin_y


def _decode(picture: OpenedPicture, needed_side: int | None, max_pixels: int) -> Decoded:
    image, name, full_size = picture.image, picture.name, picture.image.size
    container = picture.container or Container(b"")
    with typed_errors(name, image.format):
        reduced = None if needed_side is None else image.draft(None, (needed_side, needed_side))
        cost = _cost_in_pixels(container, full_size, image.size)
        check_size(full_size if cost > max_pixels else image.size, max_pixels, name)
        rule = PixelRule.of(image, container.grey_levels)
        load_whole(image)
        if picture.container is None:  # after decoding, when Pillow has turned a TIFF itself
            container = completed(Container(b"", _orientation_of(image) or 1), image)
        box = (0.0, 0.0, *image.size) if reduced is None else reduced[1]
        turn = None if container.orientation is None else _TRANSPOSE.get(container.orientation)
        profile = profile_of(image, container.profile)
        if image.mode == "CMYK":  # has no RGB form to be translated later, at the size of the input
            image, profile = to_srgb(image, profile, name), None
        return Decoded(rule.to_rgb(image, name), box, turn, full_size, profile, name)


def _cost_in_pixels(container: Container, full: tuple[int, int], decoded: tuple[int, int]) -> int:
    """Return how many pixels a picture counts as: a reduced decode has room for fewer, and still takes its time."""
    if container.is_held_whole:
        return full[0] * full[1]
    return max(decoded[0] * decoded[1], full[0] * full[1] // REDUCED_PIXELS)


def _orientation_of(image: Image.Image) -> int | None:
    """Return the orientation of a PIL image of the caller's, which may have changed its EXIF."""
    try:
        tag = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # of damaged EXIF, or a host that makes Pillow's warnings of it errors
        exif = image.info.get("exif")
        tag = exif_orientation(exif) if isinstance(exif, bytes) else None
    return tag if isinstance(tag, int) else None


def _turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _from_array(array: npt.NDArray[Any], max_pixels: int) -> Image.Image:
    _check_array(array, max_pixels)
    return Image.fromarray(np.ascontiguousarray(array))


def _check_array(array: npt.NDArray[Any], max_pixels: int) -> None:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise UnsupportedImageError(
            f"an array must be uint8 [H, W, 3] in RGB order, not {array.dtype} {list(array.shape)}"
        )
    check_size((array.shape[1], array.shape[0]), max_pixels, "the given array")
