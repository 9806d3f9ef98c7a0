"""Open a picture: from a path, bytes or a file object to a PIL image that is still undecoded.

The content decides what a file is, never its name. Only the formats below are opened, each
by its own decoder alone, after `edge_infer.pictures.containers` has looked the file over.
"""

import os
import re
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO, UnsupportedOperation
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from edge_infer.errors import (
    ImageDecodeError,
    ImageNotFoundError,
    ImageTooLargeError,
    InputError,
    UnsupportedImageError,
)
from edge_infer.pictures.containers import check_container
from edge_infer.pictures.unread import AVIF_BRANDS, brands, unread_kind

# How each accepted format begins, by Pillow's name. Pillow opens MPO, the stereo JPEG of some
# phones, under JPEG. PPM's text forms are left out: they are decoded in Python, a second a megapixel.
SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM",
    "GIF": rb"GIF8[79]a",
    "TIFF": rb"II\*\0|MM\0\*|II\+\0|MM\0\+",
    "PPM": rb"P[456]\s",
}
FORMATS = (*SIGNATURES, "AVIF")  # AVIF begins with a list of brands, as HEIC and videos do
_HEAD_BYTES = 512
_SIGNATURES = {name: re.compile(pattern, re.DOTALL) for name, pattern in SIGNATURES.items()}

# Pillow warns from 89 megapixels on; `max_pixels` decides here, after a JPEG's reduced decode.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Of damaged EXIF and the like; what matters becomes a typed error or is ignored by rule.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture of which only the header has been read.

    Attributes:
        image: Pillow's view of it.
        name: What messages call it.
        is_held_whole: Whether its decoder needs memory for the full size, whatever scale it decodes at.
    """

    image: Image.Image
    name: str
    is_held_whole: bool = False


def open_picture(source: str | os.PathLike[str] | bytes | BinaryIO, max_bytes: int) -> OpenedPicture:
    """Read a picture's file and open it without decoding it.

    Args:
        source: A path, the bytes of a file, or a binary file object (read from its start, left open).
        max_bytes: Refuse larger files.

    Raises:
        ImageNotFoundError: The path names no regular, readable file.
        ImageDecodeError: Damaged, or not one of `FORMATS`.
        ImageTooLargeError: More than `max_bytes`, or more pixels than Pillow opens at all.
        UnsupportedImageError: No source at all, or pixels that only slow decoders read.
    """
    name, data = _read(source, max_bytes)
    image_format = _format_of(data)
    if image_format is None:
        raise _not_read(name, unread_kind(data))
    try:
        scans = check_container(image_format, data)
        image = Image.open(BytesIO(data), formats=[image_format])
    except ImageDecodeError as error:
        raise ImageDecodeError(f"{name} is refused: {error}") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name}: {error}") from error
    except MemoryError as error:
        raise ImageTooLargeError(f"{name} needs more memory than there is") from error
    except UnidentifiedImageError as error:
        raise ImageDecodeError(f"{name} is damaged: its header cannot be read") from error
    except Exception as error:  # what a damaged file makes Pillow's format readers stumble over
        raise ImageDecodeError(f"{name} is damaged: {error}") from error
    # Decoders written in Python take a second a megapixel: run-length BMP, PPM of an odd maximum.
    if any(tile.codec_name in Image.DECODERS for tile in getattr(image, "tile", ())):
        raise UnsupportedImageError(f"{name} stores its pixels in a rare form of {image.format}: save it as PNG")
    return OpenedPicture(image, name, is_held_whole=scans > 1)


def _format_of(data: bytes) -> str | None:
    if unread_kind(data) is not None:
        return None
    if AVIF_BRANDS.intersection(brands(data)):
        return "AVIF"
    return next((name for name, signature in _SIGNATURES.items() if signature.match(data)), None)


def _not_read(name: str, kind: str | None) -> ImageDecodeError:
    if kind is None:
        return ImageDecodeError(f"{name} is not a picture this tool reads ({', '.join(FORMATS)})")
    return ImageDecodeError(f"{name} is not a picture this tool reads ({kind}): convert it to JPEG or PNG")


def _read(source: str | os.PathLike[str] | bytes | BinaryIO, max_bytes: int) -> tuple[str, bytes]:
    """Return a name for messages and the file's bytes; what is no picture is not read to its end."""
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        with _open_file(Path(source)) as stream:
            return name, _read_stream(stream, max_bytes, name)
    if isinstance(source, bytes):
        return "the given bytes", _limited(source, max_bytes, "the given bytes")
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the given file object"))
        return name, _read_stream(source, max_bytes, name)
    raise UnsupportedImageError(
        f"cannot read a picture from {type(source).__name__}: "
        "give a path, bytes, a binary file object, a PIL image or a uint8 RGB array"
    )


def _open_file(path: Path) -> BinaryIO:
    try:
        # Never block on a FIFO, never read a device: only regular files hold pictures.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageNotFoundError(f"{path} is not a file")
        return path.open("rb")
    except ImageNotFoundError:
        raise
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageNotFoundError(f"{path} cannot be read: {reason}") from error


def _read_stream(stream: BinaryIO, max_bytes: int, name: str) -> bytes:
    try:
        is_seekable = _rewind(stream)
        head = _read_up_to(stream, _HEAD_BYTES)
        if not isinstance(head, bytes):
            raise ImageDecodeError(f"{name} gives text, not binary data")
        if _format_of(head) is None:
            return head
        if is_seekable:  # then nothing needs joining, which would hold the file twice
            _rewind(stream)
            head = b""
        return _limited(head + _read_up_to(stream, max_bytes + 1 - len(head)), max_bytes, name)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a failing card, a closed file object
        raise ImageDecodeError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _rewind(stream: BinaryIO) -> bool:
    try:
        stream.seek(0)
    except (AttributeError, UnsupportedOperation):  # a pipe
        return False
    return True


def _read_up_to(stream: BinaryIO, count: int) -> bytes:
    """Read `count` bytes, or all there are: a pipe gives them in pieces."""
    pieces = []
    while count > 0 and (piece := stream.read(count)):
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _limited(data: bytes, max_bytes: int, name: str) -> bytes:
    if len(data) > max_bytes:
        raise ImageTooLargeError(f"{name} has more bytes than the limit of {max_bytes}: scale the picture down first")
    return data
