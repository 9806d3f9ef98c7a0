"""TIFF: a directory of tags, some of which say where the pixels lie."""

from dataclasses import dataclass
from typing import Literal

from edge_infer.errors import ImageDecodeError, UnsupportedImageError
from edge_infer.pictures.containers.container import Container, excess
from edge_infer.pictures.containers.orientation import xmp_orientation
from edge_infer.pictures.unread import RAW

MAX_TAGS = 1000
MAX_STRIPS = 65_536
MAX_TILE_PIXELS = 2048 * 2048  # a decoder makes room for a whole tile, however small the picture
PREVIEW = "a TIFF that begins with a small copy of its picture"

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _PLANAR, _TILE_WIDTH, _TILE_LENGTH = 273, 274, 277, 284, 322, 323
_TILE_OFFSETS, _SUB_DIRECTORIES, _XMP, _PROFILE, _DNG_VERSION = 324, 330, 700, 34675, 50706
# What Pillow and libtiff need for the pixels; in brackets the tags of fax, JPEG and YCbCr pixels.
_SINGLE = {_WIDTH, _LENGTH, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, 278, _PLANAR, 317, _TILE_WIDTH, _TILE_LENGTH}
_FOR_THE_DECODER = _SINGLE | {_BITS, _STRIP_OFFSETS, 279, 320, _TILE_OFFSETS, 325, 338, 339} | {
    *(292, 293),
    *(347, 512, 513, 514, 515, 517, 518, 519, 520, 521),
    *(529, 530, 531, 532),
}  # fmt: skip
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE_NUMBERS = (1, 3, 4, 13, 16, 18)
_MAX_SUB_DIRECTORIES = 16

_WHITE_IS_ZERO, _SENSOR, _LINEAR_SENSOR = 0, 32803, 34892
_UNCOMPRESSED, _IN_PLANES = 1, 2


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: its type, how many values, and where the first one is."""

    raw: bytes
    kind: int
    count: int
    values_at: int


class _File:
    """Reads numbers and directories in the file's byte order and size."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        is_big = self.number(2, 2) == 43  # BigTIFF
        self.word, self.count_bytes = (8, 8) if is_big else (4, 2)
        self.entry_bytes = 4 + 2 * self.word
        self.first = self.number(8, 8) if is_big else self.number(4, 4)

    def number(self, position: int, size: int) -> int:
        return int.from_bytes(self.data[position : position + size], self.order)

    def directory(self, position: int) -> dict[int, _Entry]:
        """Return the directory's tags; of one that is there twice, of which decoders take either, the first."""
        tags = self.number(position, self.count_bytes)
        if tags > MAX_TAGS:
            raise excess("tags", MAX_TAGS)
        entries: dict[int, _Entry] = {}
        for i in range(tags):
            at = position + self.count_bytes + i * self.entry_bytes
            kind, count = self.number(at + 2, 2), self.number(at + 4, self.word)
            is_inline = _TYPE_BYTES.get(kind, 1) * count <= self.word
            values_at = at + 4 + self.word if is_inline else self.number(at + 4 + self.word, self.word)
            entry = _Entry(self.data[at : at + self.entry_bytes], kind, count, values_at)
            entries.setdefault(self.number(at, 2), entry)
        return entries

    def next_directory(self, position: int) -> int:
        after = position + self.count_bytes + self.number(position, self.count_bytes) * self.entry_bytes
        return self.number(after, self.word)

    def numbers(self, entry: _Entry | None, limit: int = 16) -> list[int]:
        """Return a tag's first values; none of one that is not there or holds no whole numbers."""
        if entry is None or entry.kind not in _WHOLE_NUMBERS:
            return []
        size = _TYPE_BYTES[entry.kind]
        return [self.number(entry.values_at + i * size, size) for i in range(min(entry.count, limit))]

    def first_number(self, entries: dict[int, _Entry], tag: int, default: int) -> int:
        return next(iter(self.numbers(entries.get(tag), 1)), default)

    def content(self, entry: _Entry | None) -> bytes | None:
        """Return the bytes of a tag, whole."""
        if entry is None or self.is_beyond_the_end(entry):
            return None
        return self.data[entry.values_at : entry.values_at + entry.count * _TYPE_BYTES.get(entry.kind, 1)]

    def is_beyond_the_end(self, entry: _Entry) -> bool:
        return entry.values_at + entry.count * _TYPE_BYTES.get(entry.kind, 1) > len(self.data)


def read_tiff(data: bytes) -> Container:
    """Walk a TIFF's first directory.

    Raises:
        ImageDecodeError: It is beyond a limit above.
        UnsupportedImageError: Its pixels lie in a way that Pillow would misread.
    """
    file = _File(data)
    if file.first + file.count_bytes + file.number(file.first, file.count_bytes) * file.entry_bytes > len(data):
        raise ImageDecodeError("its directory of tags is cut off")
    entries = file.directory(file.first)
    for tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
        if tag in entries and entries[tag].count > MAX_STRIPS:
            raise excess("strips", MAX_STRIPS)
    _check_tile(file, entries)
    unread = _unread(file, entries)
    if unread is not None:
        return Container(data, unread=unread)
    bits = max(file.numbers(entries.get(_BITS)), default=1)
    if bits > 8 and file.first_number(entries, _PLANAR, 1) == _IN_PLANES and _is_uncompressed(file, entries):
        raise UnsupportedImageError(f"it stores {bits}-bit colours plane by plane: save it as PNG")
    is_negative = _is_deep_grey(file, entries, bits) and file.first_number(entries, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    levels = 2**12 - 1 if bits == 12 else 2**16 - 1
    orientation = file.first_number(entries, _ORIENTATION, 0) or xmp_orientation(file.content(entries.get(_XMP)) or b"")
    return Container(
        _for_the_decoder(file, entries, is_negative),
        orientation=orientation,
        profile=file.content(entries.get(_PROFILE)),
        grey_levels=-levels if is_negative else levels,
    )


def _check_tile(file: _File, entries: dict[int, _Entry]) -> None:
    sides = []
    for tag in (_TILE_WIDTH, _TILE_LENGTH):
        if tag in entries:
            if entries[tag].count != 1 or entries[tag].kind not in _WHOLE_NUMBERS:
                raise ImageDecodeError("its tile size is not a number")
            sides += file.numbers(entries[tag])
    if len(sides) == 2 and sides[0] * sides[1] > MAX_TILE_PIXELS:
        raise excess("pixels in a tile", MAX_TILE_PIXELS)


def _unread(file: _File, entries: dict[int, _Entry]) -> str | None:
    """Return what a TIFF is whose first page is not its picture: a raw photo's is a small preview."""
    raw = (_SENSOR, _LINEAR_SENSOR)
    positions = file.numbers(entries.get(_SUB_DIRECTORIES), _MAX_SUB_DIRECTORIES)
    inner = [file.directory(position) for position in positions if 0 < position < len(file.data)]
    if _DNG_VERSION in entries or any(file.first_number(tags, _PHOTOMETRIC, 0) in raw for tags in (entries, *inner)):
        return RAW
    is_copy = bool(file.first_number(entries, _NEW_SUBFILE_TYPE, 0) & 1)
    is_copy = is_copy or file.first_number(entries, _SUBFILE_TYPE, 0) == 2
    if is_copy and (inner or file.next_directory(file.first)):
        return PREVIEW
    if any(_pixels(file, tags) > _pixels(file, entries) for tags in inner):
        return PREVIEW
    return None


def _pixels(file: _File, entries: dict[int, _Entry]) -> int:
    return file.first_number(entries, _WIDTH, 0) * file.first_number(entries, _LENGTH, 0)


def _is_uncompressed(file: _File, entries: dict[int, _Entry]) -> bool:
    return file.first_number(entries, _COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED


def _is_deep_grey(file: _File, entries: dict[int, _Entry], bits: int) -> bool:
    return 8 < bits <= 16 and file.first_number(entries, _SAMPLES, 1) == 1


def _for_the_decoder(file: _File, entries: dict[int, _Entry], is_negative: bool) -> bytes:
    """Return the file with a directory of nothing but what pixels need, and no further pages.

    Of more than 8 bits Pillow reads only pixels of which 0 is black: others are said to be such.
    """
    kept = []
    for tag, entry in entries.items():
        if tag not in _FOR_THE_DECODER or file.is_beyond_the_end(entry):
            continue
        values = file.numbers(entry, 1) if tag in _SINGLE else []
        if tag == _PHOTOMETRIC and is_negative:
            values = [1]
        kept.append(_with_one_value(file, entry, values[0]) if values else entry.raw)
    counted_tags = len(kept).to_bytes(file.count_bytes, file.order)
    directory = b"".join([counted_tags, *kept, bytes(file.word)])
    view = memoryview(file.data)
    return b"".join([view[: file.first], directory, view[file.first + len(directory) :]])


def _with_one_value(file: _File, entry: _Entry, value: int) -> bytes:
    """Return a tag of which some writers give several values and decoders take the first."""
    size = _TYPE_BYTES[entry.kind]
    field = value.to_bytes(size, file.order).ljust(file.word, b"\0")
    return entry.raw[:4] + (1).to_bytes(file.word, file.order) + field
