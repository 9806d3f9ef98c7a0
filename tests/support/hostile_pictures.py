"""Pictures made to hurt: a few kilobytes that ask a decoder for gigabytes or minutes."""

import io
import re
import struct
import zlib

import numpy as np
from PIL import Image

from tests.support.profiles import chain_profile, overlapping_profile

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HUGE = 16_000  # a side that makes 256 megapixels
TiffEntry = tuple[int, int, int, bytes]


def encoded(image: Image.Image | np.ndarray, image_format: str, **options: object) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *between: bytes, after: bytes = b"", pixels: bytes | None = None) -> bytes:
    """Build an 8-bit grey PNG; without `pixels`, one of as many rows of zeros as it claims."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = zlib.compress(bytes((width + 1) * height), 9) if pixels is None else pixels
    return b"".join(
        [PNG_SIGNATURE, header, *between, png_chunk(b"IDAT", data), after, png_chunk(b"IEND", b"")]
    )  # fmt: skip


def tiff(*entries: TiffEntry, big_endian: bool = False) -> bytes:
    """Build a little-endian TIFF of one directory; values longer than 4 bytes follow it."""
    order = ">" if big_endian else "<"
    position, directory, values = 8 + 2 + 12 * len(entries) + 4, b"", b""
    for tag, kind, count, value in sorted(entries):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(order + "I", position + len(values))
            values += value
        directory += struct.pack(order + "HHI", tag, kind, count) + field
    start = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", 8)
    return start + struct.pack(order + "H", len(entries)) + directory + struct.pack(order + "I", 0) + values


def short(tag: int, value: int) -> TiffEntry:
    return tag, 3, 1, struct.pack("<H", value)


def long(tag: int, *values: int) -> TiffEntry:
    return tag, 4, len(values), struct.pack(f"<{len(values)}I", *values)


def grey_tiff(width: int, height: int, *more: TiffEntry) -> bytes:
    """Build the header of an uncompressed 8-bit grey TIFF."""
    return tiff(long(256, width), long(257, height), short(258, 8), short(259, 1), short(262, 1), short(277, 1), *more)


def with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    """Let a JPEG claim another size."""
    frame = re.search(rb"\xff[\xc0\xc2]", data).start()
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def with_scans(data: bytes, count: int) -> bytes:
    """Repeat the last scan of a progressive JPEG."""
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


def bombs() -> dict[str, bytes]:
    """In every accepted format, a small file that claims a quarter of a gigapixel."""
    flat = Image.new("RGB", (16, 16), (9, 99, 40))
    avif = encoded(flat, "AVIF")
    size = avif.index(b"ispe") + 8
    avif = avif[:size] + struct.pack(">II", HUGE, HUGE) + avif[size + 8 :]
    webp = encoded(flat, "WEBP", lossless=True)
    bits = struct.pack("<I", (HUGE - 1) | (HUGE - 1) << 14)
    gif = encoded(flat, "GIF")
    bmp = encoded(flat, "BMP")
    return {
        "JPEG": with_jpeg_size(encoded(flat, "JPEG"), 60_000, 60_000),
        "progressive JPEG": with_jpeg_size(encoded(flat, "JPEG", progressive=True), 13_000, 13_000),
        "PNG": png(13_000, 13_000),
        "PNG header": png(50_000, 50_000, pixels=b""),
        "WEBP": webp[:21] + bits + webp[25:],
        "BMP": bmp[:18] + struct.pack("<ii", HUGE, HUGE) + bmp[26:],
        "GIF": gif[:6] + struct.pack("<HH", HUGE, HUGE) + gif[10:],
        "TIFF": grey_tiff(HUGE, HUGE, long(273, 8), long(278, HUGE), long(279, HUGE * HUGE)),
        "PPM": b"P5 %d %d 255\n" % (HUGE, HUGE),
        "AVIF": avif,
    }


def excesses() -> dict[str, bytes]:
    """Files that claim few pixels and cost much all the same."""
    flat = Image.new("RGB", (16, 16), (9, 99, 40))
    jpeg = encoded(flat, "JPEG")
    progressive = encoded(Image.new("RGB", (512, 512)), "JPEG", progressive=True)
    text = zlib.compress(b"a" * (2**20 - 1))
    zeros = zlib.compress(bytes(60_000_000))
    texts = b"".join(png_chunk(b"zTXt", b"key%d\0\0" % i + text) for i in range(60))
    pixels = zlib.compress(bytes(17 * 16))
    gif = encoded(flat, "GIF")
    frame = gif.index(b",", 13 + 3 * 256 if gif[10] & 7 == 7 else 13)
    tile = (long(322, 16_384), long(323, 16_384), long(324, 8), long(325, 2**28))
    strips = (long(273, *[8] * 200_000), long(279, *[16] * 200_000))
    entries = 200_000
    big_tiff = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, entries) + bytes(20) * entries
    return {
        "JPEG of 1,000 scans": with_scans(progressive, 1000),
        "JPEG of 100,000 comments": jpeg[:2] + b"\xff\xfe\0\x02" * 100_000 + jpeg[2:],
        "JPEG of 50,000 comments": jpeg[:2] + b"\xff\xfe\0\x02" * 50_000 + jpeg[2:],
        "JPEG of 200,000 tables": jpeg[:2]
        + (b"\xff\xdb\xff\xff" + (b"\0" + bytes(64)) * 1008 + bytes(13)) * 200
        + jpeg[2:],
        "JPEG with a profile of a chain": encoded(flat, "JPEG", icc_profile=chain_profile(50_000)),
        "JPEG of 200 EXIF segments": jpeg[:2] + b"\xff\xe1\xff\xffExif".ljust(65_537, b"\0") * 200 + jpeg[2:],
        "JPEG with 5 MB of padding": jpeg[:2] + b"\xff" * 5_000_000 + jpeg[2:],
        "PNG with 60 MB of text": png(16, 16, texts, pixels=pixels),
        "PNG with 60 MB of text at its end": png(16, 16, after=texts, pixels=pixels),
        "PNG with 60 MB of XMP": png(16, 16, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros), pixels=pixels),
        "comments that end in no SVG": b"<!---->" * 100_000,
        "PNG with 60 MB of profile": png(16, 16, png_chunk(b"iCCP", b"p\0\0" + zeros), pixels=pixels),
        "GIF of 100,000 comments": gif[:frame] + b"!\xfe\x01c\0" * 100_000 + gif[frame:],
        "PNG of a million chunks": png(16, 16, png_chunk(b"IDAT", b"") * 1_000_000, pixels=pixels),
        "GIF of a million comments": gif[:frame] + b"!\xfe\x01c\0" * 1_000_000 + gif[frame:],
        "GIF of 5 MB of nothing": gif[:frame] + bytes(5_000_000) + gif[frame:],
        "TIFF with a tile of a gigabyte": grey_tiff(16, 16, *tile),
        "TIFF of 200,000 strips": grey_tiff(16, 16, long(278, 1), *strips),
        "TIFF of 200,000 tags": big_tiff,
        "TIFF with a tile size in words": grey_tiff(16, 16, (322, 2, 2, b"16"), *tile[1:]),
        "PPM of text": b"P3\n1000 1000\n255\n" + b"9 " * 3_000_000,
        "PPM of an odd maximum": b"P6 1000 1000 254\n" + bytes(3_000_000),
        "PPM with a long comment": b"P6\n#" + b"c" * 5_000_000 + b"\n16 16 255\n" + bytes(768),
        "BMP of runs": encoded(flat.convert("P"), "BMP")[:30] + b"\x01\0\0\0" + bytes(5_000_000),
        "JPEG with a profile of tags that overlap": encoded(flat, "JPEG", icc_profile=overlapping_profile(3_900_000)),
    }
