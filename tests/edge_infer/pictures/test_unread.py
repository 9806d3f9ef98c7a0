"""Pictures that are recognized and not read."""

import struct
from pathlib import Path

import pytest

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.loading import load_rgb
from edge_infer.pictures.unread import unread_kind, unread_suffix
from tests.conftest import drawn
from tests.support.hostile_pictures import encoded


def ftyp(main: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + main + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(box) + 4) + box + bytes(100)


HEIC_BRANDS = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"]
OTHER_BRANDS = [b"mif1", b"mif2", b"msf1", b"avci", b"avcs", b"vvic", b"jpeg"]
CONTENTS = {
    **{f"main brand {brand.decode()}": (ftyp(brand, b"mif1"), "HEIC") for brand in HEIC_BRANDS},
    **{f"mif1 with {brand.decode()}": (ftyp(b"mif1", b"miaf", brand), "HEIC") for brand in HEIC_BRANDS},
    **{f"msf1 with {brand.decode()}": (ftyp(b"msf1", brand), "HEIC") for brand in HEIC_BRANDS},
    **{f"only {brand.decode()}": (ftyp(brand), "HEIF") for brand in OTHER_BRANDS},
    "CR3": (ftyp(b"crx ", b"isom"), "camera RAW"),
    "CR2": (b"II*\0\x10\0\0\0CR\x02\0", "camera RAW"),
    "RAF": (b"FUJIFILMCCD-RAW 0201", "camera RAW"),
    "ORF": (b"IIRO\x08\0\0\0", "camera RAW"),
    "RW2": (b"IIU\0\x18\0\0\0", "camera RAW"),
    "X3F": (b"FOVb\0\0\3\0", "camera RAW"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f", "JPEG XL"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    "PSD": (b"8BPS\0\1", "Photoshop PSD"),
    "SVG": (b"<?xml version='1.0'?>\n<!-- a -->\n<svg xmlns='x'/>", "SVG"),
    "DICOM": (bytes(128) + b"DICM", "DICOM"),
    "PGM of text": (b"P2 1 1 255 0", "uncommon Netpbm"),
}


@pytest.mark.parametrize(("content", "kind"), CONTENTS.values(), ids=CONTENTS)
def test_a_picture_that_is_not_read_is_named_whatever_its_file_is_called(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    assert unread_kind(content) == kind
    with pytest.raises(ImageDecodeError, match=rf"photo\.jpg is not a picture this tool reads \({kind}\): convert it"):
        load_rgb(path)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        *[(".heic", "HEIC"), (".hif", "HEIC"), (".heif", "HEIF"), (".nef", "camera RAW"), (".dng", "camera RAW")],
        *[(".cr2", "camera RAW"), (".psd", "Photoshop PSD"), (".jxl", "JPEG XL"), (".svg", "SVG")],
        *[(".jpg", None), (".txt", None), ("", None)],
    ],
)
def test_a_suffix_names_a_file_that_is_not_looked_into(suffix: str, kind: str | None) -> None:
    assert unread_suffix(suffix) == kind


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF"])
def test_what_is_read_has_no_unread_kind(image_format: str) -> None:
    assert unread_kind(encoded(drawn((9, 90, 40)), image_format)) is None


@pytest.mark.parametrize(
    "content", [b"", b"a note", b"%PDF-1.7", ftyp(b"isom", b"mp42"), b"<html><svg></svg></html>", b"<!---->" * 60]
)
def test_what_is_no_picture_has_no_unread_kind(content: bytes) -> None:
    assert unread_kind(content) is None


def test_an_avif_of_the_common_heif_brand_is_read() -> None:
    data = bytearray(encoded(drawn((9, 90, 40)), "AVIF"))
    assert data[8:12] == b"avif"
    data[8:12] = b"mif1"
    assert load_rgb(bytes(data)).size == (64, 48)
