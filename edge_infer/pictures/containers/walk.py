"""Each format's walk, and those of the formats that need only a few lines."""

import re
import struct
from collections.abc import Callable

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.containers.container import Container, counted

MAX_GIF_BLOCKS = 262_144  # of 255 bytes, before the first frame
PPM_HEADER_BYTES = 1024

_GRAPHIC_CONTROL = 0xF9
_GIF_MAX_SIDE = 65_535
_PPM_HEADER = re.compile(rb"P4\s+\d+\s+\d+\s|P[56]\s+\d+\s+\d+\s+\d+\s")
# The entry of an item that holds EXIF, in either version of its box: item number, protection, type.
_AVIF_EXIF = re.compile(rb"(infe\x02.{7}|infe\x03.{9})Exif", re.DOTALL)


def read_container(image_format: str, data: bytes) -> Container:
    """Take a file apart; refuse one that would cost its decoder far more than its pixels do.

    Args:
        image_format: Pillow's name of it.
        data: The whole file.

    Raises:
        ImageDecodeError: It is beyond a limit, or too damaged to be walked.
        UnsupportedImageError: Its pixels lie in a way that Pillow would misread.
    """
    return _WALKS[image_format](data)


def _read_gif(data: bytes) -> Container:
    """Walk the extensions before the first frame; the decoder needs the one that names a transparent colour."""
    flags = data[10] if len(data) > 10 else 0
    position, blocks = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0
    kept = [data[:position]]
    while position < len(data) and data[position] not in b",;":
        blocks = counted(blocks, MAX_GIF_BLOCKS, "blocks before its picture")
        if data[position] != ord("!"):
            position += 1
            continue
        start, kind = position, data[position + 1 : position + 2]
        position += 2
        while position < len(data):
            size = data[position]
            position += 1 + size
            if not size:
                break
            blocks = counted(blocks, MAX_GIF_BLOCKS, "blocks before its picture")
        if kind == bytes([_GRAPHIC_CONTROL]):
            kept.append(data[start:position])
    kept[0] = _with_room(kept[0], data[position + 1 : position + 9])
    if b"".join(kept) == data[:position]:
        return Container(data)
    return Container(b"".join([*kept, memoryview(data)[position:]]))


def _with_room(header: bytes, frame: bytes) -> bytes:
    """Return the header with a screen that the first frame fits on, as decoders enlarge it to."""
    if len(header) < 13 or len(frame) < 8:
        return header
    width, height = struct.unpack_from("<2H", header, 6)
    left, top, frame_width, frame_height = struct.unpack("<4H", frame)
    width, height = max(width, left + frame_width), max(height, top + frame_height)
    if max(width, height) > _GIF_MAX_SIDE:
        raise ImageDecodeError("its frame is outside of what a GIF can be")
    return header[:6] + struct.pack("<2H", width, height) + header[10:]


def _read_ppm(data: bytes) -> Container:
    """Require a short binary header: Pillow reads it, and text pixels, byte by byte in Python."""
    if not _PPM_HEADER.match(re.sub(rb"#[^\r\n]*", b"", data[:PPM_HEADER_BYTES])):
        raise ImageDecodeError(f"its header is not whole within {PPM_HEADER_BYTES} bytes")
    return Container(data)


def _read_webp(data: bytes) -> Container:
    """Read the size: libwebp makes room for the picture when it is opened."""
    kind, size = data[12:16], None
    if kind == b"VP8X" and len(data) >= 30:
        size = (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    elif kind == b"VP8L" and len(data) >= 25:
        (bits,) = struct.unpack("<I", data[21:25])
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        size = (width & 0x3FFF, height & 0x3FFF)
    return Container(data, size=size)


def _read_avif(data: bytes) -> Container:
    """Hide EXIF: by the standard the picture's own properties say how it is turned, and Pillow stumbles over damage."""
    hidden = _AVIF_EXIF.sub(rb"\1free", data) if b"Exif" in data else data
    return Container(hidden)


def _read_jpeg(data: bytes) -> Container:
    from edge_infer.pictures.containers.jpeg import read_jpeg  # late: who answers one photo needs one format

    return read_jpeg(data)


def _read_png(data: bytes) -> Container:
    from edge_infer.pictures.containers.png import read_png

    return read_png(data)


def _read_tiff(data: bytes) -> Container:
    from edge_infer.pictures.containers.tiff import read_tiff

    return read_tiff(data)


_WALKS: dict[str, Callable[[bytes], Container]] = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "TIFF": _read_tiff,
    "GIF": _read_gif,
    "PPM": _read_ppm,
    "WEBP": _read_webp,
    "AVIF": _read_avif,
    "BMP": Container,
}
