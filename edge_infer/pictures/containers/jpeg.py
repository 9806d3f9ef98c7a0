"""JPEG: segments, then one or more scans over the pixels."""

import re

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.containers.container import Container, counted, excess
from edge_infer.pictures.containers.orientation import exif_orientation, xmp_orientation

# Encoders write 1 to 10 scans, optimizers up to 20. Each scan goes over the whole picture, whatever it holds.
MAX_SCANS = 64
MAX_SEGMENTS = 65_536  # each takes a microsecond to pass; only the tables and a few others reach the decoder
MAX_TABLE_BYTES = 1_000_000  # Pillow reads each table's 64 numbers in Python; 4 tables of 65 bytes are usual

# In entropy-coded data 0xff is followed by 0 or a restart marker; 0xff before a marker is padding,
# and anything else between two segments is skipped, as every decoder does.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _DQT, _TEM, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0x01, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_RESERVED = frozenset({*range(0x02, 0xC0), 0xC8, *range(0xF0, 0xFE)})
_SEQUENTIAL_FRAMES = (0xC0, 0xC1, 0xC9)
_FRAMES = (*_SEQUENTIAL_FRAMES, 0xC2, 0xCA)
_EXIF, _XMP, _PROFILE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"


def read_jpeg(data: bytes) -> Container:
    """Walk a JPEG.

    Raises:
        ImageDecodeError: It is beyond a limit above, or too damaged to be walked.
    """
    position, segments, table_bytes = 2, 0, 0
    one_scan_components = None  # those of a sequential frame, which one scan may hold all
    kept, metadata = [data[:2]], _Metadata()
    while (found := _MARKER.search(data, position)) and found[0][1] != _EOI:
        marker = found[0][1]
        segments = counted(segments, MAX_SEGMENTS, "segments")
        if marker in (_SOI, _TEM):
            position = found.end()
            continue
        if marker in _RESERVED:
            raise ImageDecodeError("its header is damaged")
        if marker == _SOS:
            scans = _scans(data, found.start(), one_scan_components, segments)
            return metadata.container(_joined(kept, data, found.start()), is_held_whole=scans > 1)
        start, position = found.end() + 2, _end(data, found.end())
        if marker in _FRAMES:
            one_scan_components = data[start + 5 : start + 6] if marker in _SEQUENTIAL_FRAMES else None
        elif marker == _DQT:
            table_bytes += position - start
            if table_bytes > MAX_TABLE_BYTES:
                raise excess("bytes of tables", MAX_TABLE_BYTES)
        if _is_for_the_decoder(marker, data, start):
            kept.append(data[found.start() : position])
        else:
            metadata.note(marker, data, start, position)
    raise ImageDecodeError("it ends before its pixels")


class _Metadata:
    """What segments say of the orientation and the colours; the first of a kind counts."""

    def __init__(self) -> None:
        self._exif: bytes | None = None
        self._xmp: bytes | None = None
        self._profile: list[bytes] = []

    def note(self, marker: int, data: bytes, start: int, end: int) -> None:
        if marker == _APP1 and self._exif is None and data.startswith(_EXIF, start):
            self._exif = data[start:end]
        elif marker == _APP1 and self._xmp is None and data.startswith(_XMP, start):
            self._xmp = data[start:end]
        elif marker == _APP2 and data.startswith(_PROFILE, start):
            self._profile.append(data[start + len(_PROFILE) : end])

    def container(self, data: bytes, *, is_held_whole: bool) -> Container:
        orientation = None if self._exif is None else exif_orientation(self._exif)
        if orientation is None and self._xmp is not None:
            orientation = xmp_orientation(self._xmp)
        return Container(data, orientation, _whole_profile(self._profile), is_held_whole=is_held_whole)


def _is_for_the_decoder(marker: int, data: bytes, start: int) -> bool:
    """Return whether a segment says something about the pixels: JFIF and Adobe name the colour space."""
    if marker == _APP0:
        return data.startswith(b"JFIF", start)
    if marker == _APP14:
        return data.startswith(b"Adobe", start)
    return not (_APP0 <= marker <= _APP15 or marker == _COM)


def _end(data: bytes, start: int) -> int:
    """Return where the segment ends whose length is at `start`."""
    length = int.from_bytes(data[start : start + 2], "big")
    if length < 2:
        raise ImageDecodeError("its header is damaged")
    return start + length


def _joined(kept: list[bytes], data: bytes, scans_at: int) -> bytes:
    if sum(map(len, kept)) == scans_at:  # nothing was left out
        return data
    return b"".join([*kept, memoryview(data)[scans_at:]])


def _scans(data: bytes, position: int, one_scan_components: bytes | None, segments: int) -> int:
    """Count the scans, the first of which begins at `position`."""
    scans = 0
    while found := _MARKER.search(data, position):
        marker = found[0][1]
        if marker == _EOI:
            break
        segments = counted(segments, MAX_SEGMENTS, "segments")
        if marker in (_SOI, _TEM):
            position = found.end()
            continue
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if marker == _SOS:
            scans = counted(scans, MAX_SCANS, "scans")
            if data[found.end() + 2 : found.end() + 3] == one_scan_components:
                return 1
    return scans


def _whole_profile(pieces: list[bytes]) -> bytes | None:
    """Join a profile's pieces, each of which begins with its number and their count."""
    if not pieces or any(len(piece) < 2 for piece in pieces):
        return None
    pieces = sorted(pieces, key=lambda piece: piece[0])
    is_whole = [piece[0] for piece in pieces] == list(range(1, len(pieces) + 1)) and pieces[0][1] == len(pieces)
    return b"".join(piece[2:] for piece in pieces) if is_whole else None
