import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFile
from PIL.PngImagePlugin import PngImageFile

import edge_infer.pictures.loading
from edge_infer.errors import (
    ImageDecodeError,
    ImageNotFoundError,
    ImageTooLargeError,
    InputError,
    UnsupportedImageError,
)
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import DRAFT_MARGIN, fit, load_input, load_rgb, load_scene
from edge_infer.pictures.opening import FORMATS
from tests.conftest import drawn
from tests.support.hostile_pictures import encoded

LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "PPM": {}, "WEBP": {"lossless": True}}
LOSSY = {"JPEG": {"quality": 95, "subsampling": 0}, "AVIF": {"quality": 95, "subsampling": "4:4:4"}}
ORIENTATION = 0x0112


def quadrants(width: int = 48, height: int = 32) -> np.ndarray:
    """Draw a picture that no turn or mirror maps to itself."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (220, 40, 40)
    pixels[: height // 2, width // 2 :] = (40, 200, 60)
    pixels[height // 2 :, : width // 2] = (50, 60, 210)
    pixels[height // 2 :, width // 2 :] = (230, 220, 60)
    return pixels


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Return what a camera held that way stores, by the EXIF definition of the tag."""
    return np.ascontiguousarray(
        {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.swapaxes(0, 1),
            6: np.rot90(upright, 1),
            7: upright[::-1, ::-1].swapaxes(0, 1),
            8: np.rot90(upright, -1),
        }[orientation]
    )


def pixels(source: object, **options: object) -> np.ndarray:
    image = load_rgb(source, **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def largest_difference(left: np.ndarray, right: np.ndarray) -> int:
    assert left.shape == right.shape
    return int(np.abs(left.astype(int) - right.astype(int)).max())


# Formats


@pytest.mark.parametrize("image_format", LOSSLESS)
def test_lossless_formats_give_the_exact_pixels(image_format: str) -> None:
    assert np.array_equal(pixels(encoded(quadrants(), image_format, **LOSSLESS[image_format])), quadrants())


@pytest.mark.parametrize("image_format", LOSSY)
def test_lossy_formats_give_close_pixels(image_format: str) -> None:
    assert largest_difference(pixels(encoded(quadrants(), image_format, **LOSSY[image_format])), quadrants()) <= 4


@pytest.mark.parametrize("big_tiff", [False, True])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_every_kind_of_tiff_gives_the_exact_pixels(compression: str, big_tiff: bool) -> None:
    data = encoded(quadrants(), "TIFF", compression=compression, big_tiff=big_tiff)
    assert np.array_equal(pixels(data), quadrants())


@pytest.mark.parametrize("image_format", ["EPS", "PDF", "ICO", "SGI", "TGA", "PCX", "JPEG2000"])
def test_formats_outside_the_allow_list_are_refused_whatever_the_name(tmp_path: Path, image_format: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(quadrants(), image_format))
    with pytest.raises(ImageDecodeError, match=r"photo\.jpg is not a picture this tool reads"):
        load_rgb(path)


def test_every_accepted_format_is_one_that_pillow_opens_by_that_name() -> None:
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_format_opens_first_thing_in_a_new_process(tmp_path: Path, image_format: str) -> None:
    # Pillow registers formats as it goes: in this process they all are by now.
    path = tmp_path / "photo"
    path.write_bytes(encoded(quadrants(), image_format))
    code = "import sys; from edge_infer.pictures.loading import load_rgb; print(load_rgb(sys.argv[1]).size)"
    answer = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert (answer.stdout, answer.stderr) == ("(48, 32)\n", "")


# First frame


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "MPO"])
def test_first_frame_counts(image_format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("#c80000", "#00c800", "#0000c8")]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert largest_difference(pixels(data), np.full((16, 16, 3), (200, 0, 0))) <= 4


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_exif_orientation_is_applied(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = (LOSSLESS | LOSSY)[image_format]
    data = encoded(stored(quadrants(), orientation), image_format, exif=exif, **options)
    assert largest_difference(pixels(data), quadrants()) <= (4 if image_format in LOSSY else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_picture_is_turned_after_its_exif_orientation(orientation: int, rotate: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    turned = np.rot90(quadrants(), -rotate // 90)  # counts against the clock
    data = encoded(stored(quadrants(), orientation), "PNG", exif=exif)
    assert np.array_equal(pixels(data, rotate=rotate), turned)
    assert np.array_equal(load_scene(data, needed_side=8, rotate=rotate).image, turned)
    spec = InputSpec(14, 20, resize="crop")
    wanted = load_input(np.ascontiguousarray(turned), spec)
    assert largest_difference(load_input(data, spec, rotate=rotate), wanted) <= 1  # it is turned once it is small


def test_an_array_of_the_inputs_size_is_turned_too() -> None:
    square = quadrants(32, 32)
    assert np.array_equal(load_input(square, InputSpec(32, 32), rotate=90), np.rot90(square, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_after_a_reduced_decode(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encoded(stored(quadrants(480, 320), orientation), "JPEG", exif=exif, quality=95, subsampling=0)
    assert largest_difference(pixels(data, needed_side=80), quadrants(120, 80)) <= 4


def test_a_compressed_tiff_is_turned_once() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = encoded(stored(quadrants(), 6), "TIFF", exif=exif, compression="tiff_lzw")
    assert np.array_equal(pixels(data), quadrants())


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_callers_picture_is_turned_as_its_exif_says_now(image_format: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = Image.open(
        io.BytesIO(encoded(stored(quadrants(), 6), image_format, exif=exif, **(LOSSLESS | LOSSY)[image_format]))
    )
    image.load()
    assert load_rgb(image).size == (48, 32)
    image.getexif().pop(ORIENTATION, None)
    assert load_rgb(image).size == image.size
    image.getexif()[ORIENTATION] = 3
    assert largest_difference(pixels(image), np.asarray(image)[::-1, ::-1]) == 0


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    assert np.array_equal(pixels(encoded(quadrants(), "PNG", exif=exif)), quadrants())


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\x08\0\0\0\x05\0",
        b"Exif\0\0MM\0*\0\0\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02\x36\0\0\0\0\0\0\0",  # "6" as text
    ],
)
def test_corrupt_exif_is_ignored(exif: bytes) -> None:
    assert largest_difference(pixels(encoded(quadrants(), "JPEG", exif=exif, **LOSSY["JPEG"])), quadrants()) <= 4


@given(st.sampled_from(range(1, 9)), st.integers(1, 40), st.integers(1, 40))
def test_any_upright_picture_survives_any_orientation(orientation: int, width: int, height: int) -> None:
    upright = np.random.default_rng(width * 64 + height).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert np.array_equal(pixels(encoded(stored(upright, orientation), "PNG", exif=exif)), upright)


# Pixel formats


def test_alpha_lies_over_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 0, 100, 255), (200, 0, 100, 0), (200, 0, 100, 51)])  # 51/255 is a fifth
    assert pixels(image).tolist() == [[[200, 0, 100], [255, 255, 255], [244, 204, 224]]]


def test_grey_with_alpha_lies_over_white() -> None:
    image = Image.new("LA", (3, 1))
    image.putdata([(100, 255), (100, 0), (100, 51)])
    assert pixels(encoded(image, "PNG")).tolist() == [[[100] * 3, [255] * 3, [224] * 3]]


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_transparent_palette_entries_become_white(image_format: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    assert pixels(encoded(image, image_format, transparency=0)).tolist() == [[[255, 255, 255], [200, 100, 50]]]


@pytest.mark.parametrize(
    ("mode", "transparent", "shown"),
    [("RGB", (10, 20, 30), [[[255, 255, 255], [90, 80, 70]]]), ("L", 10, [[[255] * 3, [90] * 3]])],
)
def test_a_transparent_colour_becomes_white(mode: str, transparent: object, shown: list[object]) -> None:
    image = Image.new(mode, (2, 1))
    image.putdata([transparent, (90, 80, 70) if mode == "RGB" else 90])
    assert pixels(encoded(image, "PNG", transparency=transparent)).tolist() == shown


GREY_16 = [0, 128, 129, 257, 32768, 65406, 65407, 65535]
GREY_8 = [0, 0, 1, 1, 128, 254, 255, 255]  # v / 257, to the nearest


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_to_8_bits(image_format: str) -> None:
    data = encoded(np.array([GREY_16], np.uint16), image_format)
    assert pixels(data).tolist() == [[[grey] * 3 for grey in GREY_8]]


def test_big_endian_16_bit_grey_is_scaled_to_8_bits() -> None:
    image = Image.frombytes("I;16B", (len(GREY_16), 1), np.array(GREY_16, ">u2").tobytes())
    data = encoded(image, "TIFF")
    assert data.startswith(b"MM")
    assert pixels(data).tolist() == [[[grey] * 3 for grey in GREY_8]]


def test_32_bit_integers_in_the_16_bit_range_are_scaled() -> None:
    assert pixels(encoded(np.array([GREY_16], np.int32), "TIFF"))[0, :, 0].tolist() == GREY_8


@pytest.mark.parametrize("value", [-1, 65536])
def test_integers_outside_16_bits_are_refused(value: int) -> None:
    with pytest.raises(UnsupportedImageError, match="outside 0-65535"):
        load_rgb(encoded(np.array([[0, value]], np.int32), "TIFF"))


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="floating-point"):
        load_rgb(encoded(np.array([[0.0, 1.0]], np.float32), "TIFF"))


def test_a_mode_without_rgb_form_is_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="mode La"):
        load_rgb(Image.new("La", (2, 2)))


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_1_bit_is_black_and_white(image_format: str) -> None:
    image = Image.new("1", (3, 1))
    image.putdata([0, 1, 0])
    assert pixels(encoded(image, image_format)).tolist() == [[[0] * 3, [255] * 3, [0] * 3]]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_8_bit_grey_is_repeated(image_format: str) -> None:
    assert pixels(encoded(np.array([[0, 7, 255]], np.uint8), image_format)).tolist() == [[[0] * 3, [7] * 3, [255] * 3]]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "BMP", "GIF"])
def test_palette_colours_are_exact(image_format: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    assert pixels(encoded(image, image_format)).tolist() == [[[200, 100, 50], [10, 20, 30]]]


@pytest.mark.parametrize(("image_format", "tolerance"), [("TIFF", 0), ("JPEG", 4)])
def test_cmyk_is_converted(image_format: str, tolerance: int) -> None:
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # pure cyan
    assert largest_difference(pixels(encoded(image, image_format)), np.full((16, 16, 3), (0, 255, 255))) <= tolerance


def test_a_ycck_jpeg_is_converted() -> None:
    # Pillow writes inverted CMYK; the last byte of the Adobe segment turns it to YCCK: Y 76, Cb 85,
    # Cr 255, K 255. That is the RGB triple 255, 0, 0, which stands for inverted CMY: cyan.
    data = encoded(Image.new("CMYK", (16, 16), (179, 170, 0, 0)), "JPEG", quality=95)
    transform = data.index(b"Adobe") + 11
    ycck = data[:transform] + b"\2" + data[transform + 1 :]
    assert largest_difference(pixels(ycck), np.full((16, 16, 3), (0, 255, 255))) <= 4


@pytest.mark.parametrize("mode", ["YCbCr", "RGB", "L"])
def test_every_jpeg_colour_space_is_converted(mode: str) -> None:
    image = Image.new("RGB", (16, 16), (120, 120, 120)).convert(mode)
    assert largest_difference(pixels(encoded(image, "JPEG")), np.full((16, 16, 3), 120)) <= 1


@pytest.mark.slow
@given(
    st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I;16", "PA", "RGBX"]),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from([(32, 32), (7, 50), (150, 150), (49, 98)]),
    st.sampled_from(["stretch", "crop"]),
    st.sampled_from(["nearest", "bilinear", "bicubic"]),
)
@settings(max_examples=150)
def test_any_picture_becomes_one_input(
    mode: str, width: int, height: int, size: tuple[int, int], resize: str, interpolation: str
) -> None:
    spec = InputSpec(*size, resize, interpolation)
    image_rgb = load_input(Image.new(mode, (width, height)), spec)
    assert image_rgb.shape == (*size, 3)
    assert image_rgb.dtype == np.uint8
    assert image_rgb.flags.c_contiguous
    assert len(np.unique(image_rgb.reshape(-1, 3), axis=0)) == 1  # one colour stays one colour


# Sources


def source_kinds(path: Path) -> Iterator[object]:
    yield str(path)
    yield path
    yield path.read_bytes()
    yield io.BytesIO(path.read_bytes())
    yield Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_all_source_kinds_give_identical_pixels(tmp_path: Path, suffix: str) -> None:
    path, spec = tmp_path / f"photo.{suffix}", InputSpec(32, 32)
    drawn((200, 100, 50), (90, 70)).save(path)
    with path.open("rb") as stream:
        sources = [*source_kinds(path), stream, np.asarray(load_rgb(path))]
        results = [load_input(source, spec) for source in sources]
    assert all(np.array_equal(result, results[0]) for result in results)


def test_a_file_object_is_read_from_its_start_and_left_open() -> None:
    stream = io.BytesIO(encoded(quadrants(), "PNG"))
    stream.seek(20)
    assert np.array_equal(pixels(stream), quadrants())
    assert not stream.closed


def test_a_file_object_that_cannot_seek_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, encoded(quadrants(), "PNG"))
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert np.array_equal(pixels(stream), quadrants())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("cut", [None, 60])
def test_the_file_of_a_path_is_closed(tmp_path: Path, cut: int | None) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(quadrants(), "PNG")[:cut])
    before = open_files()
    if cut is None:
        load_rgb(path)
    else:
        with pytest.raises(ImageDecodeError):
            load_rgb(path)
    assert open_files() == before


def test_the_callers_image_keeps_its_size() -> None:
    image = Image.open(io.BytesIO(encoded(quadrants(480, 320), "JPEG")))
    load_input(image, InputSpec(16, 16))
    assert image.size == (480, 320)


def test_a_reduced_decode_does_not_hide_in_the_array_path() -> None:
    assert load_rgb(quadrants(480, 320), needed_side=16).size == (480, 320)


@pytest.mark.parametrize("source", [None, 7, 1.5, ["photo.jpg"], object()])
def test_what_is_no_picture_source_is_refused(source: object) -> None:
    with pytest.raises(UnsupportedImageError, match="cannot read a picture from"):
        load_rgb(source)


def test_a_text_file_object_is_a_typed_error() -> None:
    with pytest.raises(UnsupportedImageError, match="gives text, not binary data"):
        load_rgb(io.StringIO("not bytes"))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 3), bool),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{list(array.shape)}",
)
def test_arrays_of_another_dtype_or_shape_are_refused(array: np.ndarray) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        load_rgb(array)
    assert str(array.dtype) in str(caught.value)
    assert str(list(array.shape)) in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3)])
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageDecodeError, match="no pixels"):
        load_rgb(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array[::-1],
        lambda array: array[:, ::-1],
        lambda array: array[..., ::-1],
        lambda array: array[::2, 1:7],
        lambda array: np.asfortranarray(array),
    ],
    ids=["rows back", "columns back", "BGR", "sliced", "Fortran"],
)
def test_array_views_are_read_as_they_are_indexed(view: Callable[[np.ndarray], np.ndarray]) -> None:
    array = np.random.default_rng(3).integers(0, 256, (8, 9, 3), np.uint8)
    assert np.array_equal(pixels(view(array)), np.array(view(array)))


def test_the_callers_array_is_not_shared() -> None:
    array = quadrants()
    image = load_rgb(array)
    array[:] = 0
    assert np.array_equal(np.asarray(image), quadrants())


# Broken files


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "PPM"])
def test_cut_files_are_damaged(image_format: str, share: float) -> None:
    data = encoded(drawn((120, 90, 40), (80, 60)), image_format)
    with pytest.raises(ImageDecodeError):
        load_rgb(data[: int(len(data) * share)])


@pytest.mark.parametrize("needed_side", [None, 20])
def test_a_cut_jpeg_is_damaged_at_every_scale(needed_side: int | None) -> None:
    data = encoded(drawn((120, 90, 40), (400, 300)), "JPEG")
    with pytest.raises(ImageDecodeError, match="the given bytes is damaged: image file is truncated"):
        load_rgb(data[: len(data) // 2], needed_side=needed_side)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=300)
def test_damaged_bytes_give_a_picture_or_a_typed_error(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(DAMAGEABLE))
    damaged = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        image = load_rgb(bytes(damaged), needed_side=8, max_pixels=1_000_000)
    except InputError:
        return
    assert image.mode == "RGB"
    assert 1 <= image.width * image.height <= 1_000_000


def _damageable() -> list[bytes]:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    small = drawn((90, 120, 30), (20, 14))
    formats = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
    files = [encoded(small, image_format, exif=exif) for image_format in formats]
    files += [encoded(small, image_format) for image_format in ("BMP", "GIF", "PPM")]
    return [*files, encoded(np.array([GREY_16], np.uint16), "PNG"), encoded(small.convert("P"), "PNG", transparency=1)]


DAMAGEABLE = _damageable()


def test_a_jpeg_cut_anywhere_is_damaged() -> None:
    data = encoded(drawn((120, 90, 40), (24, 24)), "JPEG")
    for end in range(len(data)):
        with pytest.raises(ImageDecodeError):
            load_rgb(data[:end])


HEADERS = {
    "PSD": b"8BPS\0\1",
    "FITS": b"SIMPLE  =                    T",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_formats_that_pillow_could_open_or_never_will_are_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(header.ljust(3000, b" "))
    with pytest.raises(ImageDecodeError, match=r"photo\.png is not a picture this tool reads"):
        load_rgb(path)


@pytest.mark.parametrize("content", [b"", b"\0", b"This is a note.\n" * 9, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageDecodeError, match=r"note\.jpg"):
        load_rgb(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.jpg", "does not exist"), (".", "is not a file"), ("a\0b.jpg", "cannot be read: .*null")],
)
def test_a_path_without_a_file_is_not_found(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ImageNotFoundError, match=message) as caught:
        load_rgb(tmp_path / name)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_name_that_is_too_long_is_not_found() -> None:
    with pytest.raises(ImageNotFoundError, match="cannot be read: File name too long"):
        load_rgb("a" * 5000 + ".jpg")


def test_a_loop_of_links_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    with pytest.raises(ImageNotFoundError, match=r"cannot be read: (Too many levels of symbolic links|Symlink loop)"):
        load_rgb(tmp_path / "a.jpg")


def test_a_path_through_a_file_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageNotFoundError, match="cannot be read: Not a directory"):
        load_rgb(tmp_path / "file" / "photo.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    def too_late(*_: object) -> None:
        raise TimeoutError

    path = tmp_path / "photo.jpg"
    os.mkfifo(path)
    previous = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(5)
    try:
        with pytest.raises(ImageNotFoundError, match="is not a file"):
            load_rgb(path)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def test_a_device_is_refused() -> None:
    with pytest.raises(ImageNotFoundError, match="is not a file"):
        load_rgb("/dev/zero")


# Size limit


@pytest.mark.parametrize(
    "make", [lambda a: a, Image.fromarray, lambda a: encoded(a, "PNG"), lambda a: encoded(a, "GIF")]
)
def test_max_pixels_is_inclusive(make: Callable[[np.ndarray], object]) -> None:
    source = make(quadrants(40, 25))
    assert load_rgb(source, max_pixels=1000).size == (40, 25)
    with pytest.raises(ImageTooLargeError, match="40x25 pixels, more than the limit of 999"):
        load_rgb(source, max_pixels=999)


@pytest.mark.parametrize("make", [Path, lambda path: path.read_bytes(), lambda path: io.BytesIO(path.read_bytes())])
def test_max_bytes_is_inclusive(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(quadrants(), "PNG"))
    size = path.stat().st_size
    assert load_rgb(make(path), max_bytes=size).size == (48, 32)
    for load in (load_rgb, lambda source, **limits: load_input(source, InputSpec(8, 8), **limits)):
        with pytest.raises(ImageTooLargeError, match=f"more bytes than the limit of {size - 1}"):
            load(make(path), max_bytes=size - 1)


def test_no_more_than_the_limit_is_read_of_an_endless_stream() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, count: int = -1) -> bytes:
            start = b"\x89PNG\r\n\x1a\n" if not self.given else b""
            self.given += count
            return start.ljust(count, b"\0")

    stream = Endless()
    with pytest.raises(ImageTooLargeError, match="more bytes than the limit of 5000"):
        load_rgb(stream, max_bytes=5000)
    assert stream.given == 5001


def test_a_stream_that_fails_is_a_typed_error() -> None:
    class Failing(io.BytesIO):
        def read(self, count: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(ImageDecodeError, match="cannot be read: Input/output error"):
        load_rgb(Failing())


@pytest.mark.parametrize(
    ("kind", "method"), [(ImageFile.ImageFile, "load_prepare"), (Image.Image, "convert"), (PngImageFile, "_open")]
)
def test_a_picture_that_memory_does_not_hold_is_too_large(
    monkeypatch: pytest.MonkeyPatch, kind: object, method: str
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    data = encoded(Image.new("L", (4, 4)), "PNG")
    monkeypatch.setattr(kind, method, no_memory)
    with pytest.raises(ImageTooLargeError, match="the given bytes needs more memory than there is"):
        load_rgb(data)


def test_a_progressive_jpeg_counts_in_full_since_its_decoder_holds_it() -> None:
    data = encoded(quadrants(800, 600), "JPEG", progressive=True)
    assert load_rgb(data, needed_side=150, max_pixels=800 * 600).size == (200, 150)
    with pytest.raises(ImageTooLargeError, match="800x600"):
        load_rgb(data, needed_side=150, max_pixels=800 * 600 - 1)


def test_a_jpeg_counts_as_large_as_it_is_decoded() -> None:
    data = encoded(quadrants(800, 600), "JPEG")
    assert load_rgb(data, needed_side=150, max_pixels=200 * 150).size == (200, 150)
    with pytest.raises(ImageTooLargeError, match="800x600"):
        load_rgb(data, max_pixels=200 * 150)


def test_a_reduced_decode_counts_as_a_sixteenth_at_least_since_it_reads_the_whole_file() -> None:
    data = encoded(quadrants(800, 600), "JPEG")
    assert load_rgb(data, needed_side=75, max_pixels=800 * 600 // 16).size == (100, 75)
    with pytest.raises(ImageTooLargeError, match="800x600 pixels, more than the limit of 29999"):
        load_rgb(data, needed_side=75, max_pixels=800 * 600 // 16 - 1)


def test_a_picture_that_pillow_calls_a_bomb_is_too_large() -> None:
    header = b"P6 20000 20000 255\n"
    with pytest.raises(ImageTooLargeError, match="the given bytes"):
        load_rgb(header + b"\0" * 100)


# Reduced decode and resize


@pytest.mark.parametrize(
    ("size", "needed", "decoded"),
    [
        ((800, 600), 76, (200, 150)),
        ((800, 600), 75, (100, 75)),
        ((800, 600), 150, (200, 150)),
        ((800, 600), 151, (400, 300)),
        ((800, 600), 301, (800, 600)),
        ((8000, 40), 76, (8000, 40)),
    ],
)
def test_the_smallest_scale_that_is_large_enough_is_decoded(
    size: tuple[int, int], needed: int, decoded: tuple[int, int]
) -> None:
    assert load_rgb(encoded(Image.new("RGB", size), "JPEG"), needed_side=needed).size == decoded


def smooth(width: int, height: int, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def decode_differences(width: int, height: int, seed: int, resize: str) -> np.ndarray:
    spec = InputSpec(32, 32, resize)
    data = encoded(smooth(width, height, seed), "JPEG", quality=95)
    return np.abs(load_input(data, spec).astype(int) - fit(load_rgb(data), spec).astype(int))


@given(st.integers(16, 112), st.integers(16, 112), st.integers(0, 99), st.sampled_from(["stretch", "crop"]))
@settings(max_examples=25)
def test_a_reduced_decode_of_whole_blocks_is_close_to_a_full_one(
    columns: int, rows: int, seed: int, resize: str
) -> None:
    differences = decode_differences(8 * columns, 8 * rows, seed, resize)
    assert differences.max() <= 4
    assert differences.mean() <= 0.5


@given(st.integers(128, 900), st.integers(128, 900), st.integers(0, 99), st.sampled_from(["stretch", "crop"]))
@settings(max_examples=25)
def test_a_reduced_decode_of_any_size_is_near_a_full_one(width: int, height: int, seed: int, resize: str) -> None:
    # libjpeg rounds the reduced size up; stretching that too would move the far edge by up to 0.44 pixels.
    differences = decode_differences(width, height, seed, resize)
    assert differences.max() <= 4
    assert differences.mean() <= 0.7


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_decode_keeps_its_place_however_the_photo_is_turned(orientation: int) -> None:
    upright = np.asarray(Image.fromarray(quadrants()).resize((1606, 1211), Image.Resampling.BICUBIC))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encoded(stored(upright, orientation), "JPEG", quality=95, subsampling=0, exif=exif)
    spec = InputSpec(64, 96)
    assert largest_difference(load_input(data, spec), fit(Image.fromarray(upright), spec)) <= 6


def test_load_input_leaves_the_filter_twice_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    resize = edge_infer.pictures.loading._resize
    monkeypatch.setattr(
        edge_infer.pictures.loading,
        "_resize",
        lambda image, *rest: (decoded.append(image.size), resize(image, *rest))[1],
    )
    load_input(encoded(Image.new("RGB", (1600, 1600)), "JPEG"), InputSpec(100, 80))
    assert decoded == [(DRAFT_MARGIN * 100, DRAFT_MARGIN * 100)]


def test_a_real_photo_barely_changes_with_a_reduced_decode(real_data: Path, tmp_path: Path) -> None:
    photo = min((real_data / "gems" / "test").rglob("*.jp*g"))
    path, spec = tmp_path / "large.jpg", InputSpec(224, 224)
    load_rgb(photo).resize((4000, 3000), Image.Resampling.BICUBIC).save(path, quality=92)
    reduced, full = load_input(path, spec), fit(load_rgb(path), spec)
    assert largest_difference(reduced, full) <= 3


def test_stretch_keeps_the_whole_picture() -> None:
    image_rgb = load_input(quadrants(80, 20), InputSpec(16, 16))
    assert np.array_equal(image_rgb[0, 0], quadrants()[0, 0])
    assert np.array_equal(image_rgb[-1, -1], quadrants()[-1, -1])


@pytest.mark.parametrize(("size", "axis"), [((90, 30), 1), ((30, 90), 0)])
def test_crop_keeps_the_centre(size: tuple[int, int], axis: int) -> None:
    thirds = np.zeros((size[1], size[0], 3), np.uint8)
    for third, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        thirds[(slice(None),) * axis + (slice(30 * third, 30 * third + 30),)] = colour
    image_rgb = load_input(thirds, InputSpec(30, 30, "crop"))
    assert np.array_equal(image_rgb, np.full((30, 30, 3), (0, 255, 0)))


def test_crop_keeps_the_aspect_ratio_of_a_wide_input() -> None:
    band = np.zeros((40, 40, 3), np.uint8)
    band[10:30] = 255  # the centred 2:1 box; at its edge the filter also sees what lies outside
    image_rgb = load_input(band, InputSpec(10, 20, "crop"))
    assert image_rgb[1:-1].min() == 255
    assert image_rgb.min() > 200


@pytest.mark.parametrize("size", [(21, 21), (29, 29), (42, 42), (97, 4095)])
@pytest.mark.parametrize("side", [97, 150, 224])
def test_crop_survives_rounding(size: tuple[int, int], side: int) -> None:
    assert load_input(Image.new("RGB", size, "red"), InputSpec(side, side, "crop")).shape == (side, side, 3)


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1)])
@pytest.mark.parametrize("resize", ["crop", "stretch"])
def test_a_line_of_pixels_is_a_picture(size: tuple[int, int], resize: str) -> None:
    image_rgb = load_input(Image.new("RGB", size, (9, 8, 7)), InputSpec(32, 24, resize))
    assert np.array_equal(image_rgb, np.full((32, 24, 3), (9, 8, 7)))


@pytest.mark.parametrize(("tag", "rotate"), [*((tag, 0) for tag in range(1, 9)), (1, 90), (1, 180), (6, 270)])
def test_a_scene_keeps_coordinates_through_reduced_decode_and_rotation(tag: int, rotate: int) -> None:
    """A mark in a picture whose sides are no multiples of the decoder's scale."""
    width, height, mark = 4093, 3099, (2700, 1000)
    stored = Image.new("L", (width, height))
    ImageDraw.Draw(stored).rectangle((mark[0] - 40, mark[1] - 40, mark[0] + 40, mark[1] + 40), fill=255)
    exif = Image.Exif()
    exif[0x0112] = tag
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=exif, quality=95)
    scene = load_scene(file.getvalue(), needed_side=300, rotate=rotate)
    assert scene.image.width < 1100
    upright = np.asarray(load_rgb(file.getvalue(), rotate=rotate))[..., 0] > 128
    found = np.asarray(scene.image)[..., 0] > 128
    assert (scene.image.width * scene.scale[0], scene.image.height * scene.scale[1]) == pytest.approx(
        upright.shape[::-1]
    )
    expected = np.argwhere(upright).mean(axis=0)[::-1] + 0.5
    assert (np.argwhere(found).mean(axis=0)[::-1] + 0.5) * scene.scale == pytest.approx(expected, abs=3)  # of 8 a pixel
