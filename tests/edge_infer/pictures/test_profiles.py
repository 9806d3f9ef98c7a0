"""Colour profiles: the same photo gives the same pixels in whatever colours a camera wrote it."""

import io
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from edge_infer import Classifier
from edge_infer.errors import UnsupportedImageError
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures import profiles
from edge_infer.pictures.loading import load_input, load_rgb, load_scene
from tests.support.hostile_pictures import encoded
from tests.support.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    chain_profile,
    cmyk_profile,
    gamma,
    grey_profile,
    profile,
    rgb_profile,
    srgb_formula,
    table,
)

WIDE = {
    "Adobe RGB": rgb_profile(ADOBE_RGB, gamma(2.19921875)),
    "Display P3": rgb_profile(DISPLAY_P3, srgb_formula()),
    "ProPhoto": rgb_profile(PROPHOTO, gamma(1.8)),
}
SRGB_PROFILES = {
    "table of 1024": rgb_profile(SRGB, table(1024)),
    "table of 26": rgb_profile(SRGB, table(26)),
    "formula": rgb_profile(SRGB, srgb_formula()),
    "LittleCMS's": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
}
SPEC = InputSpec(64, 64)
# A printer of ideal inks: white paper, and what remains of its light.
INKS = {
    (c, m, y, k): (0.0, 0.0, 0.0) if k else {
        (0, 0, 0): (100.0, 0.0, 0.0), (1, 0, 0): (55.0, -37.0, -50.0), (0, 1, 0): (48.0, 74.0, -3.0),
        (0, 0, 1): (89.0, -5.0, 93.0), (1, 1, 0): (24.0, 22.0, -46.0), (1, 0, 1): (50.0, -68.0, 25.0),
        (0, 1, 1): (47.0, 68.0, 48.0), (1, 1, 1): (23.0, 0.0, 0.0),
    }[c, m, y]
    for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)
}  # fmt: skip


def scene(width: int = 128, height: int = 96) -> Image.Image:
    """Draw smooth colours, in the middle of what sRGB holds."""
    corners = np.random.default_rng(4).integers(60, 200, (4, 5, 3), np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)


def written_in(image: Image.Image, icc: bytes, image_format: str = "PNG", **options: object) -> bytes:
    """Write a picture as a camera does that is set to other colours."""
    there = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), there, "RGB", "RGB", renderingIntent=1)
    return encoded(ImageCms.applyTransform(image, transform), image_format, icc_profile=icc, **options)


def largest_difference(left: object, right: object) -> int:
    return int(np.abs(np.asarray(left).astype(int) - np.asarray(right)).max())


@pytest.mark.parametrize(("image_format", "options"), [
    ("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True}),
    ("JPEG", {"quality": 98, "subsampling": 0}), ("AVIF", {"quality": 98, "subsampling": "4:4:4"}),
])  # fmt: skip
@pytest.mark.parametrize("icc", WIDE.values(), ids=WIDE)
def test_a_photo_in_other_colours_gives_the_pixels_of_srgb(
    icc: bytes, image_format: str, options: dict[str, object]
) -> None:
    data = written_in(scene(), icc, image_format, **options)
    assert largest_difference(Image.open(io.BytesIO(data)).convert("RGB"), scene()) > 10  # or nothing is tested
    # ProPhoto spreads 8 bits over far more colours: rounding there is 4 levels here.
    tolerance = 4 if image_format in ("PNG", "TIFF", "WEBP") else 16
    assert largest_difference(load_rgb(data), scene()) <= tolerance
    assert largest_difference(load_scene(data, needed_side=64).image, scene()) <= tolerance
    assert largest_difference(load_input(data, SPEC), load_input(scene(), SPEC)) <= tolerance


@pytest.mark.parametrize("icc", WIDE.values(), ids=WIDE)
def test_a_reduced_decode_and_the_hosts_own_picture_are_translated_too(icc: bytes) -> None:
    data = written_in(scene(1024, 768), icc, "JPEG", quality=97, subsampling=0)
    expected = load_input(scene(1024, 768), SPEC)
    assert largest_difference(load_input(data, SPEC), expected) <= 8
    assert largest_difference(load_input(Image.open(io.BytesIO(data)), SPEC), expected) <= 8


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_and_palettes_are_translated(mode: str) -> None:
    icc = WIDE["ProPhoto"]
    image = Image.open(io.BytesIO(written_in(Image.new("RGB", (4, 4), (180, 90, 60)), icc)))
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    if mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))
    pixels = load_rgb(encoded(image, "PNG", icc_profile=icc))
    assert pixels.getpixel((3, 3)) == pytest.approx((180, 90, 60), abs=2)
    assert pixels.getpixel((0, 0)) == ((255, 255, 255) if mode == "RGBA" else pixels.getpixel((3, 3)))


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_is_translated_by_a_grey_profile(mode: str) -> None:
    value = 128 * 257 if mode == "I;16" else 128
    image = Image.new(mode, (4, 4), (value, 255) if mode == "LA" else value)
    light = (128 / 255) ** 1.0
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    pixel = load_rgb(encoded(image, "TIFF" if mode == "I;16" else "PNG", icc_profile=grey_profile(1.0))).getpixel(
        (1, 1)
    )
    assert pixel == pytest.approx((expected,) * 3, abs=1)


@pytest.mark.parametrize(("image_format", "tolerance"), [("TIFF", 1), ("JPEG", 4)])
def test_cmyk_is_translated_by_the_printers_profile(image_format: str, tolerance: int) -> None:
    icc = cmyk_profile(INKS)
    image = Image.new("CMYK", (32, 16))
    image.paste((255, 0, 0, 0), (0, 0, 16, 16))  # cyan ink, beside bare paper
    pixels = load_rgb(encoded(image, image_format, icc_profile=icc))
    expected = srgb_of_lab(*INKS[1, 0, 0, 0])
    assert pixels.getpixel((4, 8)) == pytest.approx(expected, abs=tolerance + 1)
    assert pixels.getpixel((4, 8)) != pytest.approx((0, 255, 255), abs=20)  # what it is without a profile
    assert pixels.getpixel((28, 8)) == pytest.approx((255, 255, 255), abs=tolerance)


@pytest.mark.parametrize("icc", SRGB_PROFILES.values(), ids=SRGB_PROFILES)
def test_srgb_is_recognized_and_its_pixels_are_left_alone(icc: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_transform", lambda _: pytest.fail("LittleCMS was asked"))
    assert np.array_equal(load_rgb(encoded(scene(), "PNG", icc_profile=icc)), scene())


@pytest.mark.parametrize(
    "icc", [rgb_profile(SRGB, gamma(1.8)), rgb_profile(ADOBE_RGB, table(1024)), rgb_profile(SRGB, table(8))]
)
def test_what_only_resembles_srgb_is_translated(icc: bytes) -> None:
    assert largest_difference(load_rgb(encoded(scene(), "PNG", icc_profile=icc)), scene()) > 1


def test_an_ordinary_photo_does_not_load_littlecms(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(scene(), "JPEG", icc_profile=SRGB_PROFILES["table of 1024"]))
    code = (
        "import sys; from edge_infer.pictures.loading import load_rgb; load_rgb(sys.argv[1]); "
        "print([m for m in sys.modules if 'cms' in m.lower()])"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def srgb_of_lab(lightness: float, a: float, b: float) -> list[float]:
    """Compute a colour by the formulas of CIE and IEC 61966-2-1, the white being D50."""
    y = (lightness + 16) / 116
    relative = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(relative > 6 / 29, relative**3, (relative - 4 / 29) * 108 / 841) * (0.9642, 1.0, 0.8249)
    linear = np.clip(np.linalg.inv(np.array(SRGB).T) @ xyz, 0, 1)
    return list(255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear))


def _ignored() -> dict[str, bytes]:
    adobe = WIDE["Adobe RGB"]
    return {
        "noise": np.random.default_rng(1).bytes(3000),
        "cut in the header": adobe[:100],
        "cut in the directory": adobe[:150],
        "cut in a curve": adobe[:-30],
        "no tags": profile([]),
        "a million tags": adobe[:128] + struct.pack(">I", 1_000_000) + adobe[132:],
        "a primary beyond the end": adobe[:172] + b"\xff\xff\xff\xf0" + adobe[176:],
        "a printer's, of CMYK": cmyk_profile(INKS),
        "grey": grey_profile(1.0),
        "Lab": profile([], space=b"Lab ", pcs=b"Lab ", kind=b"spac"),
        "a link between devices": adobe[:12] + b"link" + adobe[16:],
        "named colours": adobe[:12] + b"nmcl" + adobe[16:],
        "larger than any": adobe + bytes(4_000_000),
        "a chain": chain_profile(50_000),
        "empty": b"",
    }


IGNORED = _ignored()


@pytest.mark.parametrize("icc", IGNORED.values(), ids=IGNORED)
def test_a_profile_that_is_damaged_or_does_not_fit_is_ignored_in_a_moment(icc: bytes) -> None:
    data = encoded(scene(), "TIFF", icc_profile=icc) if icc else encoded(scene(), "TIFF")
    profiles._transform.cache_clear()
    started = time.process_time()
    assert np.array_equal(load_rgb(data), scene())
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_of_rgb_in_a_picture_of_another_kind_is_ignored(mode: str) -> None:
    image = scene().convert(mode)
    assert np.array_equal(load_rgb(encoded(image, "TIFF", icc_profile=WIDE["ProPhoto"])), image.convert("RGB"))


def _segment(content: bytes) -> bytes:
    return b"\xff\xe2" + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize(
    "segments",
    [
        _segment(b"ICC_PROFILE\0"),
        _segment(b"ICC_PROFILE\0\1"),
        _segment(b"ICC_PROFILE\0\1\2" + WIDE["ProPhoto"]),
        _segment(b"ICC_PROFILE\0\0\0" + WIDE["ProPhoto"]),
        _segment(b"ICC_PROFILE\0\1\2" + WIDE["ProPhoto"][:99]) * 2,
    ],
)
def test_a_jpegs_profile_with_pieces_missing_is_ignored(segments: bytes) -> None:
    data = encoded(scene(), "JPEG", quality=98)
    assert np.array_equal(load_rgb(data[:2] + segments + data[2:]), load_rgb(data))


def test_a_jpegs_profile_is_joined_in_the_order_of_its_numbers() -> None:
    icc = WIDE["ProPhoto"]
    data = encoded(scene(), "JPEG", quality=98)
    pieces = [_segment(b"ICC_PROFILE\0\2\2" + icc[200:]), _segment(b"ICC_PROFILE\0\1\2" + icc[:200])]
    whole = load_rgb(encoded(scene(), "JPEG", quality=98, icc_profile=icc))
    assert largest_difference(whole, load_rgb(data)) > 10
    assert np.array_equal(load_rgb(data[:2] + b"".join(pieces) + data[2:]), whole)


def test_a_pillow_without_littlecms_says_so_instead_of_answering_for_other_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: bytes) -> None:
        raise ImportError("The _imagingcms C module is not installed")

    monkeypatch.setattr(profiles, "_transform", missing)
    with pytest.raises(UnsupportedImageError, match="has a colour profile, and this Pillow cannot apply it"):
        load_rgb(encoded(scene(), "PNG", icc_profile=WIDE["ProPhoto"]))


@pytest.mark.parametrize("name", WIDE)
def test_every_gem_photo_is_answered_in_other_colours_as_in_srgb(name: str, real_data: Path) -> None:
    photos = sorted((real_data / "gems" / "test").glob("*/*"))
    assert len(photos) == 43
    classifier = Classifier("gems")
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        expected = classifier.classify(image)
        answer = classifier.classify(written_in(image, WIDE[name], "JPEG", quality=97, subsampling=0))
        assert answer.label == expected.label, photo
        # Saved as a JPEG without any profile, a photo's `known` moves by up to 0.06.
        if abs(expected.known - classifier.metadata.min_known) > 0.1:
            assert answer.is_certain == expected.is_certain, photo
