"""Look over a picture's container before a decoder does: what formats leave unlimited is limited here.

A format lets a file of a few kilobytes ask for hours or gigabytes: thousands of scans over
one JPEG, tiles larger than the picture, megabytes of compressed text. Pillow and the
libraries behind it check that a file keeps to its format's rules, not what it costs. Each
check walks the container's own lengths in a few milliseconds and decodes nothing;
tests/support/hostile_pictures.py holds the files that made each one necessary.
"""

import re
from collections.abc import Callable

from edge_infer.errors import ImageDecodeError

# Encoders write 1 to 10 scans, optimizers up to 20. Each scan goes over the whole picture, whatever it holds.
MAX_JPEG_SCANS = 64
MAX_JPEG_SEGMENTS = 4096  # 64 kB each
MAX_JPEG_EXIF_SEGMENTS = 16  # Pillow joins them by copying
MAX_PNG_CHUNKS = 65_536  # 100 MB in encoders' usual 8 kB are 12,000
MAX_PNG_COMPRESSED_TEXTS = 8  # 1 MB each, once Pillow has decompressed it
MAX_GIF_BLOCKS = 4096  # of 255 bytes, before the first frame
MAX_TIFF_TAGS = 1000
MAX_TIFF_STRIPS = 65_536
MAX_TIFF_TILE_PIXELS = 2048 * 2048  # a decoder makes room for a whole tile, however small the picture
_PPM_HEADER_BYTES = 1024

# In entropy-coded data 0xff is followed by 0 or a restart marker; 0xff before a marker is padding.
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_MAX_PADDING = 64
_SOI, _EOI, _SOS, _APP1, _TEM = 0xD8, 0xD9, 0xDA, 0xE1, 0x01
_SEQUENTIAL_FRAMES = (0xC0, 0xC1, 0xC9)
_FRAMES = (*_SEQUENTIAL_FRAMES, 0xC2, 0xCA)

_TILE_WIDTH, _TILE_LENGTH, _STRIP_OFFSETS, _TILE_OFFSETS = 322, 323, 273, 324
_TIFF_INTEGER_BYTES = {1: 1, 3: 2, 4: 4, 16: 8}  # by TIFF's type number

_PPM_HEADER = re.compile(rb"P4\s+\d+\s+\d+\s|P[56]\s+\d+\s+\d+\s+\d+\s")


def check_container(image_format: str, data: bytes) -> int:
    """Refuse a file that would cost its decoder far more than its pixels do.

    Args:
        image_format: Pillow's name of it.
        data: The whole file.

    Returns:
        In how many scans the pixels lie, 1 but for JPEG: of more than one, a decoder holds
        the whole picture at its full size.

    Raises:
        ImageDecodeError: It is beyond a limit above, or too damaged to be walked.
    """
    check = _CHECKS.get(image_format)
    return 1 if check is None else check(data)


def _check_jpeg(data: bytes) -> int:
    position, scans, segments, exif = 2, 0, 0, 0
    one_scan_components = None  # those of a sequential frame, which one scan may hold all
    while found := _JPEG_MARKER.search(data, position):
        if not scans and found.start() - position > _JPEG_MAX_PADDING:
            raise ImageDecodeError("its header is damaged")
        marker = found[0][1]
        if marker == _EOI:
            break
        segments = _counted(segments, MAX_JPEG_SEGMENTS, "segments")
        if marker in (_SOI, _TEM):
            position = found.end()
            continue
        start = found.end()
        position = start + int.from_bytes(data[start : start + 2], "big")
        if marker == _SOS:
            scans = _counted(scans, MAX_JPEG_SCANS, "scans")
            if data[start + 2 : start + 3] == one_scan_components:
                return 1
        elif marker in _FRAMES:
            one_scan_components = data[start + 7 : start + 8] if marker in _SEQUENTIAL_FRAMES else None
        elif marker == _APP1 and data.startswith(b"Exif", start + 2):
            exif = _counted(exif, MAX_JPEG_EXIF_SEGMENTS, "EXIF segments")
    return scans


def _check_png(data: bytes) -> int:
    position, chunks, texts = 8, 0, 0
    while position < len(data):
        kind = data[position + 4 : position + 8]
        if kind == b"IEND":
            break
        chunks = _counted(chunks, MAX_PNG_CHUNKS, "chunks")
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            texts = _counted(texts, MAX_PNG_COMPRESSED_TEXTS, "compressed texts")
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return 1


def _check_gif(data: bytes) -> int:
    """Walk the extensions before the first frame."""
    flags = data[10] if len(data) > 10 else 0
    position, blocks = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0
    while position < len(data) and data[position] not in b",;":
        blocks = _counted(blocks, MAX_GIF_BLOCKS, "blocks before its picture")
        is_extension = data[position] == ord("!")
        position += 2 if is_extension else 1
        while is_extension and position < len(data):
            size = data[position]
            position += 1 + size
            if not size:
                break
            blocks = _counted(blocks, MAX_GIF_BLOCKS, "blocks before its picture")
    return 1


def _check_tiff(data: bytes) -> int:
    """Walk the first directory's entries."""
    order = "little" if data[:2] == b"II" else "big"

    def number(position: int, size: int) -> int:
        return int.from_bytes(data[position : position + size], order)  # type: ignore[arg-type]

    is_big = number(2, 2) == 43  # BigTIFF
    word, count_size = (8, 8) if is_big else (4, 2)
    directory = number(8, 8) if is_big else number(4, 4)
    tags = number(directory, count_size)
    if tags > MAX_TIFF_TAGS:
        raise _excess("tags", MAX_TIFF_TAGS)
    tile = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}
    for i in range(tags):
        entry = directory + count_size + i * (4 + 2 * word)
        tag, kind, count = number(entry, 2), number(entry + 2, 2), number(entry + 4, word)
        if tag in (_STRIP_OFFSETS, _TILE_OFFSETS) and count > MAX_TIFF_STRIPS:
            raise _excess("strips", MAX_TIFF_STRIPS)
        if tag in tile:
            if count != 1 or kind not in _TIFF_INTEGER_BYTES:
                raise ImageDecodeError("its tile size is no number")
            # Of an entry that is there twice, decoders do not agree which one counts.
            tile[tag] = max(tile[tag], number(entry + 4 + word, min(_TIFF_INTEGER_BYTES[kind], word)))
    if tile[_TILE_WIDTH] * tile[_TILE_LENGTH] > MAX_TIFF_TILE_PIXELS:
        raise _excess("pixels in a tile", MAX_TIFF_TILE_PIXELS)
    return 1


def _check_ppm(data: bytes) -> int:
    """Require a short binary header: Pillow reads it, and text pixels, byte by byte in Python."""
    if not _PPM_HEADER.match(re.sub(rb"#[^\r\n]*", b"", data[:_PPM_HEADER_BYTES])):
        raise ImageDecodeError(f"its header is not whole within {_PPM_HEADER_BYTES} bytes")
    return 1


_CHECKS: dict[str, Callable[[bytes], int]] = {
    "JPEG": _check_jpeg,
    "PNG": _check_png,
    "GIF": _check_gif,
    "TIFF": _check_tiff,
    "PPM": _check_ppm,
}


def _counted(count: int, limit: int, what: str) -> int:
    if count == limit:
        raise _excess(what, limit)
    return count + 1


def _excess(what: str, limit: int) -> ImageDecodeError:
    return ImageDecodeError(f"it has more than {limit} {what}, which no picture needs")
