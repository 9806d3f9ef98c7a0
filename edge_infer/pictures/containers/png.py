"""PNG: a list of chunks."""

import zlib
from collections.abc import Callable

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.containers.container import Container, counted
from edge_infer.pictures.containers.orientation import exif_orientation, xmp_orientation

MAX_CHUNKS = 65_536  # 100 MB in encoders' usual 8 kB are 12,000
MAX_METADATA_BYTES = 4_000_000  # decompressed; of EXIF, XMP and the colour profile one each is looked at

_FOR_THE_DECODER = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_METADATA = frozenset({b"eXIf", b"iCCP", b"tEXt", b"zTXt", b"iTXt"})
_XMP_KEY, _EXIF_KEY = b"XML:com.adobe.xmp\0", b"Raw profile type exif\0"


def read_png(data: bytes) -> Container:
    """Walk a PNG.

    Chunks beside the pixels are left out, and the optional ones also where their checksum is wrong,
    which the standard asks of a decoder. An animation's further frames are left out with the rest.

    Raises:
        ImageDecodeError: It is beyond a limit above.
    """
    position, chunks, has_pixels = 8, 0, False
    kept: list[bytes | memoryview] = [data[:8]]
    found: dict[str, bytes] = {}
    view = memoryview(data)
    while position + 8 <= len(data):
        length, kind = int.from_bytes(view[position : position + 4], "big"), data[position + 4 : position + 8]
        chunks = counted(chunks, MAX_CHUNKS, "chunks")
        end = position + 12 + length
        if kind == b"CgBI":
            raise ImageDecodeError("it is a PNG changed for iPhone programs: save it as an ordinary one")
        if kind in _FOR_THE_DECODER:
            if kind != b"tRNS" or _is_intact(view, position, end):
                kept.append(view[position:end])
        elif kind in _METADATA and _is_intact(view, position, end):
            _note(kind, data[position + 8 : end - 4], found)
        elif not kind.isalpha() and not has_pixels:
            raise ImageDecodeError("its header is damaged")
        has_pixels = has_pixels or kind == b"IDAT"
        position = end
        if kind == b"IEND" or not kind.isalpha():
            break
    stated = exif_orientation(found["exif"]) if "exif" in found else None
    if stated is None and "xmp" in found:
        stated = xmp_orientation(found["xmp"])
    whole = data if sum(map(len, kept)) == len(data) else b"".join(kept)
    return Container(whole, orientation=stated, profile=found.get("profile") or None)


def _is_intact(view: memoryview, position: int, end: int) -> bool:
    return end <= len(view) and zlib.crc32(view[position + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")


def _note(kind: bytes, content: bytes, found: dict[str, bytes]) -> None:
    """Keep what a chunk says of the orientation or the colours; the first of a kind counts."""
    if kind == b"eXIf":
        found.setdefault("exif", content)
    elif kind == b"iCCP":
        _, _, compressed = content.partition(b"\0")
        _set_first(found, "profile", lambda: _decompressed(compressed[1:]))
    elif content.startswith(_XMP_KEY):
        _set_first(found, "xmp", lambda: _text(kind, content[len(_XMP_KEY) :]))
    elif content.startswith(_EXIF_KEY):
        _set_first(found, "exif", lambda: _from_hex(_text(kind, content[len(_EXIF_KEY) :])))


def _set_first(found: dict[str, bytes], name: str, read: Callable[[], bytes | None]) -> None:
    if name not in found:
        found[name] = read() or b""


def _text(kind: bytes, content: bytes) -> bytes | None:
    """Return the text behind a keyword."""
    if kind == b"tEXt":
        return content
    if kind == b"zTXt":
        return _decompressed(content[1:])
    is_compressed = content[:1] == b"\1"
    *_, text = content[2:].split(b"\0", 2)  # after the language and the translated keyword
    return _decompressed(text) if is_compressed else text


def _from_hex(text: bytes | None) -> bytes | None:
    """Return the bytes of ImageMagick's form of EXIF: three lines of description, then hexadecimal digits."""
    try:
        return None if text is None else bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return None


def _decompressed(compressed: bytes) -> bytes | None:
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(compressed, MAX_METADATA_BYTES)
    except zlib.error:
        return None
    return None if decompressor.unconsumed_tail else content
