"""The rules for pixels hold at every depth: white is white and what is transparent is white, in 1 bit as in 16."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import UnsupportedImageError
from edge_infer.pictures.loading import load_rgb
from tests.support.hostile_pictures import PNG_SIGNATURE, encoded, png_chunk

GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6
CHANNELS = {GREY: 1, COLOUR: 3, GREY_ALPHA: 2, COLOUR_ALPHA: 4}


def packed(values: list[int], bits: int) -> bytes:
    """Write samples one after the other, the first in the highest bits, the last byte filled up with zeros."""
    digits = "".join(f"{value:0{bits}b}" for value in values)
    return bytes(int(digits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(digits), 8))


def png_row(values: list[int], bits: int, kind: int, *chunks: bytes) -> bytes:
    width = len(values) // CHANNELS[kind]
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(b"\0" + packed(values, bits)))
    return b"".join([PNG_SIGNATURE, header, *chunks, data, png_chunk(b"IEND", b"")])


def transparent(*samples: int) -> bytes:
    return png_chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def tiff_row(values: list[int], bits: int, photometric: int, order: str = "<", compression: int = 1) -> bytes:
    """Write a TIFF of one grey row; compression 1 is none and 8 is zlib's."""
    raw = np.array(values, f"{order}u2").tobytes() if bits == 16 else packed(values, bits)
    data = zlib.compress(raw) if compression == 8 else raw
    tags = [(256, len(values)), (257, 1), (258, bits), (259, compression), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, 1), (279, len(data))]
    directory = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    start = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8 + len(data))
    return start + data + struct.pack(f"{order}H", len(tags)) + directory + bytes(4)


def greys(data: object) -> list[int]:
    pixels = np.asarray(load_rgb(data))
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_tiff_in_which_0_is_white_is_the_negative_of_one_in_which_0_is_black(
    bits: int, order: str, compression: int
) -> None:
    top = 2**bits - 1
    values = [0, top // 3, top // 2, top]
    expected = [round(255 * value / top) for value in values]
    assert greys(tiff_row(values, bits, 1, order, compression)) == expected
    assert greys(tiff_row([top - value for value in values], bits, 0, order, compression)) == expected


@pytest.mark.parametrize(("photometric", "expected"), [(1, [0, 64, 128, 255]), (0, [255, 191, 127, 0])])
def test_12_bits_fill_the_range_of_8(photometric: int, expected: list[int]) -> None:
    assert greys(tiff_row([0, 1028, 2056, 4095], 12, photometric)) == expected


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_white_and_no_other_grey_is(bits: int) -> None:
    top = 2**bits - 1
    values = [0, top // 2, top // 2 + 1, top] if bits > 1 else [0, 1, 0, 1]
    shown = [round(255 * value / top) for value in values]
    for stated in set(values):
        expected = [255 if value == stated else grey for value, grey in zip(values, shown, strict=True)]
        assert greys(png_row(values, bits, GREY, transparent(stated))) == expected, stated


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_colour_of_a_png_is_white_and_no_neighbour_is(bits: int) -> None:
    scale = 257 if bits == 16 else 1
    stated = [18 * scale, 86 * scale, 154 * scale]
    values = [*stated, stated[0] + 1, *stated[1:], *stated[:2], stated[2] - 1]
    pixels = np.asarray(load_rgb(png_row(values, bits, COLOUR, transparent(*stated))))[0]
    neighbours = [[18, 86, 154]] * 2 if bits == 16 else [[19, 86, 154], [18, 86, 153]]
    assert pixels.tolist() == [[255] * 3, *neighbours]


@pytest.mark.parametrize("kind", [GREY_ALPHA, COLOUR_ALPHA])
def test_alpha_of_16_bits_lies_over_white_as_that_of_8(kind: int) -> None:
    samples = [200] if kind == GREY_ALPHA else [200, 0, 100]
    rows = []
    for bits, scale in ((8, 1), (16, 257)):
        values = [value * scale for alpha in (255, 51, 0) for value in (*samples, alpha)]
        rows.append(np.asarray(load_rgb(png_row(values, bits, kind)))[0].tolist())
    assert rows[0] == rows[1]
    assert rows[0][2] == [255, 255, 255]
    assert rows[0][0] == [200] * 3 if kind == GREY_ALPHA else [200, 0, 100]


@pytest.mark.parametrize("kind", [COLOUR, COLOUR_ALPHA])
def test_colours_of_16_bits_are_those_of_8(kind: int) -> None:
    values = [200, 0, 100] if kind == COLOUR else [200, 0, 100, 255]
    data = png_row([value * 257 for value in values], 16, kind)
    assert np.asarray(load_rgb(data)).tolist() == [[[200, 0, 100]]]


def test_an_interlaced_png_of_16_bits_keeps_its_transparent_colour() -> None:
    colours = np.full((9, 9, 3), (4660, 22136, 39612), ">u2")
    colours[4, 4, 2] += 1
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row for y, x, dy, dx in passes for row in colours[y::dy, x::dx] if row.size]
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 16, 2, 0, 0, 1))
    picture = PNG_SIGNATURE + header + transparent(4660, 22136, 39612) + png_chunk(b"IDAT", data)
    pixels = np.asarray(load_rgb(picture + png_chunk(b"IEND", b"")))
    assert pixels[4, 4].tolist() == [18, 86, 154]
    assert np.argwhere((pixels != 255).any(axis=2)).tolist() == [[4, 4]]


def test_the_hosts_own_picture_has_the_same_transparent_greys() -> None:
    for bits in (2, 4, 8, 16):
        data = png_row([0, 1, 2, 3], bits, GREY, transparent(2))
        assert greys(Image.open(io.BytesIO(data))) == greys(data)


def test_the_hosts_decoded_picture_of_16_bit_colours_keeps_its_transparent_colour() -> None:
    image = Image.open(io.BytesIO(png_row([4660, 22136, 39612, 9, 9, 9], 16, COLOUR, transparent(4660, 22136, 39612))))
    image.load()
    assert np.asarray(load_rgb(image)).tolist() == [[[255] * 3, [0] * 3]]


def test_16_bit_colours_in_planes_that_pillow_would_misread_are_refused() -> None:
    data = bytearray(tiff_row([0] * 12, 16, 2))
    entries = {struct.unpack_from("<H", data, at)[0]: at for at in range(len(data) - 4 - 9 * 12, len(data) - 4, 12)}
    struct.pack_into("<HHII", data, entries[277], 284, 4, 1, 2)
    with pytest.raises(UnsupportedImageError, match="stores 16-bit colours plane by plane: save it as PNG"):
        load_rgb(bytes(data))


def test_an_intact_tiff_of_pixels_that_pillow_does_not_know_is_not_called_damaged() -> None:
    alpha_16 = np.zeros((4, 4, 2), np.uint16)
    tags = [(256, 4), (257, 4), (259, 1), (262, 1), (273, 8), (277, 2), (278, 4), (279, alpha_16.nbytes), (338, 2)]
    entries = sorted([(258, 3, 2, struct.pack("<2H", 16, 16)), *((tag, 4, 1, struct.pack("<I", v)) for tag, v in tags)])
    directory = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    start = b"II*\0" + struct.pack("<I", 8 + alpha_16.nbytes) + alpha_16.tobytes()
    data = start + struct.pack("<H", len(entries)) + directory + bytes(4)
    with pytest.raises(UnsupportedImageError, match="stores its pixels in a rare form of TIFF: save it as PNG"):
        load_rgb(data)


def test_a_12_bit_jpeg_is_not_called_damaged() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedImageError, match="rare form of JPEG"):
        load_rgb(bytes(data))
