"""Files from the wild: what every decoder forgives is forgiven, and what is only a preview is not a picture."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.containers.walk import read_container
from edge_infer.pictures.loading import load_rgb
from tests.conftest import drawn
from tests.support.hostile_pictures import encoded, png, png_chunk

PICTURE = drawn((90, 120, 30), (40, 28))
SEGMENT_OF_NOISE = b"\xff\xe5\x01\x02" + bytes(256)
XMP = b'<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def exif(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)


HEX_EXIF = b"\nexif\n26\n" + exif(6).hex().encode()


def jpeg_with(*segments: bytes) -> bytes:
    data = encoded(PICTURE, "JPEG", quality=95)
    return data[:2] + b"".join(segments) + data[2:]


def app1(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def png_with(*chunks: bytes, after: bytes = b"") -> bytes:
    return png(16, 16, *chunks, after=after, pixels=zlib.compress(b"".join(b"\0" + bytes([y] * 16) for y in range(16))))


def with_bad_checksum(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


PLAIN_JPEG = np.asarray(load_rgb(jpeg_with()))
PLAIN_PNG = np.asarray(load_rgb(png_with()))


JPEGS = {
    "bytes after its end": jpeg_with() + b"trailing" * 5000,
    "a second picture after its end": jpeg_with() + encoded(Image.new("RGB", (9, 9)), "JPEG"),
    "many comments": jpeg_with(b"\xff\xfe\0\x05abc" * 5000),
    "many segments of EXIF": jpeg_with(app1(b"Exif\0\0" + exif(1)) * 40),
    "junk between segments": jpeg_with(SEGMENT_OF_NOISE, bytes(3000)),
    "padding": jpeg_with(b"\xff" * 3000),
    "a foreign segment": jpeg_with(SEGMENT_OF_NOISE * 3),
    "a stereo index that is damaged": jpeg_with(b"\xff\xe2\0\x10MPF\0MM\0*\xff\xff\xff\xff\0\0"),
    "a resolution without end": jpeg_with(b"\xff\xe0\0\x09JFIF\0\1\1"),
    "Photoshop's resources, damaged": jpeg_with(b"\xff\xed\0\x1aPhotoshop 3.0\x008BIM\3\xed\xff\xff\0\0"),
    "EXIF of zeros": jpeg_with(app1(b"Exif\0\0" + bytes(60))),
    "an orientation that EXIF does not know": jpeg_with(app1(b"Exif\0\0" + exif(9))),
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_with_more_around_its_pixels_is_read(data: bytes) -> None:
    assert np.array_equal(load_rgb(data), PLAIN_JPEG)


TEXTS = b"".join(png_chunk(b"zTXt", b"key%d\0\0" % i + zlib.compress(b"value %d" % i)) for i in range(500))
PNGS = {
    "500 compressed texts": png_with(TEXTS),
    "500 compressed texts at its end": png_with(after=TEXTS),
    "a text of 3 MB": png_with(png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(3_000_000)))),
    "a text that is damaged": png_with(png_chunk(b"zTXt", b"key\0\0no zlib stream")),
    "a text of a wrong checksum": png_with(with_bad_checksum(png_chunk(b"tEXt", b"key\0value"))),
    "a profile of a wrong checksum": png_with(with_bad_checksum(png_chunk(b"iCCP", b"p\0\0" + zlib.compress(b"x")))),
    "a transparent grey of a wrong checksum": png_with(with_bad_checksum(png_chunk(b"tRNS", b"\0\5"))),
    "a chunk of somebody's": png_with(png_chunk(b"prVt", b"anything")),
    "a chunk too short for its kind": png_with(png_chunk(b"pHYs", b"\0"), png_chunk(b"gAMA", b"")),
    "an animation that is damaged": png_with(png_chunk(b"acTL", b"\0"), png_chunk(b"fcTL", b"")),
    "no end": png_with()[:-12],
    "bytes after its end": png_with() + b"trailing" * 5000,
    "EXIF of zeros": png_with(png_chunk(b"eXIf", bytes(60))),
    "hexadecimal EXIF that is none": png_with(png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n9\nzz")),
}  # fmt: skip


@pytest.mark.parametrize("data", PNGS.values(), ids=PNGS)
def test_a_png_with_more_around_its_pixels_is_read(data: bytes) -> None:
    assert np.array_equal(load_rgb(data), PLAIN_PNG)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_png_of_which_something_essential_is_damaged_is_refused(kind: bytes) -> None:
    data = encoded(PICTURE.quantize(8), "PNG")
    place = data.index(kind) + 6
    with pytest.raises(ImageDecodeError, match="damaged"):
        load_rgb(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_a_gif_with_long_descriptions_before_its_picture_is_read() -> None:
    image = PICTURE.quantize(16)
    data = encoded(image, "GIF", transparency=3)
    frame = 13 + (3 << (data[10] & 7) + 1)
    texts = b"!\xfe" + (b"\xff" + b"c" * 255) * 8000 + b"\0" + b"!\xff\x0bXMP DataXMP" + b"\x01x" * 8000 + b"\0"
    assert np.array_equal(load_rgb(data[:frame] + texts + data[frame:]), load_rgb(data))


def test_a_gif_frame_beyond_its_screen_is_read_in_full() -> None:
    data = bytearray(encoded(PICTURE.quantize(16), "GIF"))
    data[6:10] = struct.pack("<2H", 1, 1)
    assert load_rgb(bytes(data)).size == PICTURE.size


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "GIF"])
def test_a_decoder_is_given_no_metadata(image_format: str) -> None:
    secret = b"something beside the pixels"
    options: dict[str, object] = {"JPEG": {"comment": secret}, "GIF": {"comment": secret}}.get(image_format, {})
    if image_format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", secret.decode())
        options = {"pnginfo": info}
    data = encoded(PICTURE, image_format, **options)
    if image_format == "TIFF":
        data = encoded(PICTURE, "TIFF", tiffinfo={270: secret.decode()})
    assert secret in data
    given = read_container(image_format, data).data
    image = Image.open(io.BytesIO(given))
    assert secret not in (given if image_format != "TIFF" else repr(dict(image.tag_v2)).encode())
    assert np.array_equal(image.convert("RGB"), Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(
    "data",
    [
        jpeg_with(app1(b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
        jpeg_with(app1(b"Exif\0\0" + exif(6))),
        jpeg_with(app1(b"http://ns.adobe.com/xap/1.0/\0" + XMP.replace(b"6", b"3")), app1(b"Exif\0\0" + exif(6))),
        jpeg_with(app1(b"Exif\0\0Exif\0\0" + exif(6))),
        png_with(png_chunk(b"eXIf", exif(6))),
        png_with(after=png_chunk(b"eXIf", exif(6))),
        png_with(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
        png_with(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0x\0" + zlib.compress(XMP))),
        png_with(png_chunk(b"tEXt", b"Raw profile type exif\0" + HEX_EXIF)),
        png_with(png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(HEX_EXIF))),
    ],
)  # fmt: skip
def test_the_orientation_is_found_wherever_programs_write_it(data: bytes) -> None:
    plain = PLAIN_JPEG if data.startswith(b"\xff\xd8") else PLAIN_PNG
    assert np.array_equal(load_rgb(data), np.rot90(plain, -1))


def test_a_png_for_iphone_programs_is_refused_by_name() -> None:
    with pytest.raises(ImageDecodeError, match="is refused: it is a PNG changed for iPhone programs"):
        load_rgb(png_with(png_chunk(b"CgBI", b"\x50\0\x20\2")))


# Raw photos: a TIFF that begins with a small copy


def pages(
    *first: tuple[int, int], inner: tuple[tuple[int, int], ...] = (), second: tuple[tuple[int, int], ...] = ()
) -> bytes:
    """Build a TIFF of an 8x8 grey page with tags of its own, a page inside it, and a page after it."""
    base = ((256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 64))

    def directory(tags: dict[int, int], following: int = 0) -> bytes:
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
        return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)

    data = bytes(range(64))
    inner_at = 8 + len(data)
    if inner:
        data += directory(dict(base) | dict(inner))
    second_at = 8 + len(data)
    if second:
        data += directory(dict(base) | dict(second))
    tags = dict(base) | dict(first) | ({330: inner_at} if inner else {})
    start = 8 + len(data)
    return b"II*\0" + struct.pack("<I", start) + data + directory(tags, second_at if second else 0)


RAW = "camera RAW"
PREVIEW = "a TIFF that begins with a small copy of its picture"
LARGE = ((256, 4000), (257, 3000))
PREVIEWS = {
    "DNG": (pages((254, 1), (50706, 0x0401), inner=(*LARGE, (254, 0), (262, 34892))), RAW),
    "DNG whose first page is whole": (pages((50706, 0x0401)), RAW),
    "NEF": (pages((254, 1), inner=(*LARGE, (262, 32803))), RAW),
    "a sensor's pixels in the first page": (pages((262, 32803)), RAW),
    "a sensor's pixels in an inner page": (pages(inner=((262, 32803),)), RAW),
    "a copy before its inner page": (pages((254, 1), inner=LARGE), PREVIEW),
    "a copy before its page": (pages((254, 1), second=LARGE), PREVIEW),
    "a copy by the old tag": (pages((255, 2), second=LARGE), PREVIEW),
    "a smaller page than the one inside it": (pages(inner=LARGE), PREVIEW),
}


@pytest.mark.parametrize(("data", "kind"), PREVIEWS.values(), ids=PREVIEWS)
def test_a_tiff_whose_first_page_is_not_its_picture_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(ImageDecodeError) as caught:
        load_rgb(data)
    assert str(caught.value) == f"the given bytes is not a picture this tool reads ({kind}): convert it to JPEG or PNG"


@pytest.mark.parametrize(
    "data",
    [
        pages(),
        pages((254, 0)),
        pages((254, 2), second=LARGE),  # a page of a document
        pages((330, 2**31), (700, 2**31), (34665, 2**31), (34853, 2**31)),  # tags that point beyond the end
        pages((254, 1)),  # a copy of what is elsewhere: here it is the picture
        pages(second=LARGE),
        pages(inner=((254, 1), (256, 4), (257, 4))),  # a pyramid, from large to small
    ],
)
def test_a_tiff_whose_first_page_is_its_picture_is_read(data: bytes) -> None:
    assert np.asarray(load_rgb(data))[..., 0].ravel().tolist() == list(range(64))
