"""Open a picture: from a path, bytes or a file object to a PIL image that is still undecoded.

The content decides what a file is, never its name. Only the formats below are opened, each
by its own decoder alone, after `edge_infer.pictures.containers` has looked the file over.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import Image

from edge_infer.errors import ImageDecodeError, ImageTooLargeError, InputError, UnsupportedImageError
from edge_infer.pictures.containers.container import Container
from edge_infer.pictures.containers.orientation import exif_orientation, xmp_orientation
from edge_infer.pictures.containers.walk import read_container
from edge_infer.pictures.reading import read_file
from edge_infer.pictures.unread import AVIF_BRANDS, brands, unread_kind
from edge_infer.pictures.whole import open_as

# How each accepted format begins, by Pillow's name. MPO, the stereo JPEG of some phones, is JPEG.
# PPM's text forms are left out: they are decoded in Python, a second a megapixel.
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM",
    "GIF": rb"GIF8[79]a",
    "TIFF": rb"II\*\0|MM\0\*|II\+\0|MM\0\+",
    "PPM": rb"P[456]\s",
}
FORMATS = (*_SIGNATURES, "AVIF")  # AVIF begins with a list of brands, as HEIC and videos do
_BEGINNINGS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _SIGNATURES.items()}
_UNSUPPORTED = re.compile(r"unknown pixel mode|cannot handle|[Uu]nsupported|not supported")  # in Pillow's words


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture of which only the header has been read.

    Attributes:
        image: Pillow's view of it.
        name: What messages call it.
        container: What its file says beside the pixels; None for a PIL image of the caller's.
    """

    image: Image.Image
    name: str
    container: Container | None = None


def open_picture(source: str | os.PathLike[str] | bytes | BinaryIO, max_pixels: int, max_bytes: int) -> OpenedPicture:
    """Read a picture's file and open it without decoding it.

    Args:
        source: A path, the bytes of a file, or a binary file object (read from its start, left open).
        max_pixels: Refuse more where the decoder makes room for them as soon as it is opened.
        max_bytes: Refuse larger files.

    Raises:
        ImageNotFoundError: The path names no regular, readable file.
        ImageDecodeError: Damaged, or not one of `FORMATS`.
        ImageTooLargeError: More than `max_bytes` or `max_pixels`.
        UnsupportedImageError: No source at all, or pixels that only slow decoders read, or none.
    """
    name, data = read_file(source, max_bytes, is_picture)
    image_format = _format_of(data)
    if not data:
        raise ImageDecodeError(f"{name} is empty")
    if image_format is None:
        raise _not_read(name, unread_kind(data))
    try:
        container = read_container(image_format, data)
    except InputError as error:
        raise type(error)(f"{name} is refused: {error}") from error
    if container.unread is not None:
        raise _not_read(name, container.unread)
    if container.size is not None:
        check_size(container.size, max_pixels, name)
    with typed_errors(name, image_format):
        image = open_as(image_format, container.data)
    # Decoders written in Python take a second a megapixel: run-length BMP, PPM of an odd maximum.
    if any(tile.codec_name in Image.DECODERS for tile in image.tile):
        raise _rare(name, image_format)
    return OpenedPicture(image, name, completed(container, image))


def completed(container: Container, image: Image.Image) -> Container:
    """Add what Pillow says of a file whose metadata was not taken out of it before: libwebp and libavif do that."""
    exif, xmp, profile = (_bytes_of(image.info.get(name)) for name in ("exif", "xmp", "icc_profile"))
    stated = container.orientation or exif_orientation(exif)
    return replace(
        container,
        data=b"",  # the image holds it
        orientation=xmp_orientation(xmp) if stated is None else stated,
        profile=container.profile or profile,
    )


def _bytes_of(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@contextmanager
def typed_errors(name: str, image_format: str | None) -> Iterator[None]:
    """Turn whatever Pillow raises of a picture into this package's errors.

    Raises:
        ImageDecodeError: It is damaged.
        ImageTooLargeError: It is beyond Pillow's limits or the memory's.
        UnsupportedImageError: Pillow says that it does not read such pixels.
    """
    try:
        yield
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"{name}: {error}") from error
    except MemoryError as error:
        raise ImageTooLargeError(f"{name} needs more memory than there is") from error
    except Exception as error:  # what a damaged file makes Pillow stumble over
        if _UNSUPPORTED.search(str(error)):
            raise _rare(name, image_format or "its format") from error
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ImageDecodeError(f"{name} is damaged: {reason}") from error


def is_picture(head: bytes) -> bool:
    """Return whether a file that begins so is of one of `FORMATS`."""
    return _format_of(head) is not None


def check_size(size: tuple[int, int], max_pixels: int, name: str) -> None:
    """Refuse a picture of too many pixels, or of none.

    Raises:
        ImageTooLargeError: More than `max_pixels`.
        ImageDecodeError: None.
    """
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{name} has {width}x{height} pixels, more than the limit of {max_pixels}: "
            "scale it down, or raise max_pixels"
        )
    if width < 1 or height < 1:
        raise ImageDecodeError(f"{name} has no pixels ({width}x{height})")


def _format_of(data: bytes) -> str | None:
    if unread_kind(data) is not None:
        return None
    if AVIF_BRANDS.intersection(brands(data)):
        return "AVIF"
    return next((name for name, beginning in _BEGINNINGS.items() if beginning.match(data)), None)


def _not_read(name: str, kind: str | None) -> ImageDecodeError:
    if kind is None:
        return ImageDecodeError(f"{name} is not a picture this tool reads ({', '.join(FORMATS)})")
    return ImageDecodeError(f"{name} is not a picture this tool reads ({kind}): convert it to JPEG or PNG")


def _rare(name: str, image_format: str) -> UnsupportedImageError:
    return UnsupportedImageError(f"{name} stores its pixels in a rare form of {image_format}: save it as PNG")
