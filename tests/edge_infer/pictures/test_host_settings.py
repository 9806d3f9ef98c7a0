"""A host program's settings of Pillow, warnings and numpy: they change no answer, and no answer changes them."""

import decimal
import io
import json
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from edge_infer.errors import EdgeInferError, ImageDecodeError
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import load_input, load_rgb
from tests.conftest import drawn
from tests.fuzz.targets import MAX_PIXELS, make_picture
from tests.support.hostile_pictures import encoded, grey_tiff, long, tiff

SPEC = InputSpec(32, 32)
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF", "PPM", "MPO")


@pytest.fixture
def tolerant_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)


@pytest.mark.usefixtures("tolerant_pillow")
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("image_format", FORMATS)
def test_a_cut_picture_is_damaged_where_the_host_loads_truncated_images(image_format: str, share: float) -> None:
    data = encoded(drawn((120, 90, 40), (80, 60)), image_format)
    assert load_rgb(data).size == (80, 60)
    cut = data[: int(len(data) * share)]
    for load in (load_rgb, lambda source: load_input(source, SPEC)):
        with pytest.raises(ImageDecodeError, match=r"the given bytes is (damaged|refused)"):
            load(cut)


@pytest.mark.usefixtures("tolerant_pillow")
@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_of_any_kind_that_is_cut_anywhere_is_damaged(options: dict[str, object]) -> None:
    data = encoded(drawn((120, 90, 40), (64, 48)), "JPEG", **options)
    for end in range(0, len(data), 7):
        with pytest.raises(ImageDecodeError):
            load_rgb(data[:end], needed_side=24)


@pytest.mark.usefixtures("tolerant_pillow")
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "BMP", "GIF", "PPM"])
def test_the_hosts_own_undecoded_picture_is_damaged_if_it_is_cut(image_format: str) -> None:
    data = encoded(drawn((120, 90, 40), (200, 160)), image_format)
    image = Image.open(io.BytesIO(data[: len(data) * 3 // 4]))
    with pytest.raises(ImageDecodeError, match="the given picture is damaged"):
        load_rgb(image)


def outcome(data: bytes) -> bytes | str:
    try:
        return load_input(data, SPEC, max_pixels=MAX_PIXELS).tobytes()
    except EdgeInferError as error:
        return type(error).__name__


@contextmanager
def host(setting: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch, warnings.catch_warnings(), np.errstate():
        warnings.simplefilter("error" if setting == "warnings are errors" else "ignore")
        if setting == "truncated images are loaded":
            patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        if setting == "ten pixels are the limit":
            patch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        if setting == "numpy raises":
            np.seterr(all="raise")
        yield


HOSTS = ["warnings are errors", "truncated images are loaded", "ten pixels are the limit", "numpy raises"]


@pytest.mark.parametrize("setting", HOSTS)
def test_no_setting_changes_what_becomes_of_any_damaged_picture(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [make_picture(np.random.default_rng([15, number])) for number in range(400)]
    with host("none", monkeypatch):
        expected = [outcome(data) for data in files]
    assert sum(isinstance(answer, bytes) for answer in expected) > 40
    with host(setting, monkeypatch):
        assert [outcome(data) for data in files] == expected


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_damaged_exif_is_no_matter_where_warnings_are_errors(image_format: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    data = encoded(Image.new("RGB", (8, 8), (250, 250, 250)), image_format, exif=exif)
    whole = exif.tobytes()[6:16]
    assert data.count(whole) == 1
    damaged = data.replace(whole, whole[:8] + b"\xff\xff")  # 65,535 entries, none there
    if image_format == "PNG":
        start = damaged.index(b"eXIf")
        end = start + 4 + int.from_bytes(damaged[start - 4 : start], "big")
        damaged = damaged[:end] + zlib.crc32(damaged[start:end]).to_bytes(4, "big") + damaged[end + 4 :]
    assert load_rgb(damaged).getpixel((4, 4)) == pytest.approx((250, 250, 250), abs=2)


def test_a_tiff_that_pillow_warns_of_is_read_where_warnings_are_errors() -> None:
    size = ((256, 3, 2, b"\2\0\2\0"), long(257, 2))  # says its width twice
    kind = ((258, 3, 1, b"\x08\0"), (259, 3, 1, b"\1\0"), (262, 3, 1, b"\1\0"))
    beyond_the_end = (700, 1, 1_000_000, b"\xff\xff\xff\x7f")
    data = tiff(*size, *kind, long(273, 0), long(279, 4), beyond_the_end)
    with pytest.warns(UserWarning, match="too many entries|larger than file"):
        Image.open(io.BytesIO(data))
    assert np.asarray(load_rgb(data))[..., 0].tobytes() == b"II*\0"  # its pixels are said to be at its start


def test_a_large_picture_is_answered_where_pillow_would_warn_or_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    flat = Image.new("RGB", (96, 64), (20, 140, 60))
    for image_format in FORMATS:
        assert load_rgb(encoded(flat, image_format)).size == (96, 64), image_format
    assert load_rgb(encoded(flat, "TIFF", compression="tiff_lzw")).size == (96, 64)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(("width", "height"), [(16_320, 12_240), (12_000, 9_000)])
def test_a_phones_largest_photo_is_read(width: int, height: int) -> None:
    data = encoded(Image.new("L", (width, height), 77), "JPEG", quality=30)
    assert np.array_equal(load_input(data, SPEC), np.full((32, 32, 3), 77, np.uint8))


def test_max_pixels_above_pillows_own_limit_holds() -> None:
    height = 2 * Image.MAX_IMAGE_PIXELS // 10_000 + 1
    strips = (long(273, 8), long(278, height), long(279, 10_000 * height))
    with pytest.raises(ImageDecodeError, match="damaged"):  # by its size it is no bomb, but there are no pixels
        load_rgb(b"P5 10000 %d 255\n" % height, max_pixels=10**9)
    with pytest.raises(ImageDecodeError, match="damaged"):
        load_rgb(grey_tiff(10_000, height, *strips), max_pixels=10**9)


LOOK = """
import json, sys, threading, warnings
import decimal, locale, signal
import numpy as np
from PIL import Image, ImageFile, ImageCms, PngImagePlugin, TiffImagePlugin, GifImagePlugin, JpegImagePlugin
warnings.simplefilter("error", Image.DecompressionBombWarning)
warnings.filterwarnings("always", module="somebody")

def settings():
    return {
        "filters": repr(warnings.filters), "showwarning": repr(warnings.showwarning),
        "flags": [ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK, Image.MAX_IMAGE_PIXELS,
                  Image.WARN_POSSIBLE_FORMATS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY,
                  TiffImagePlugin.READ_LIBTIFF,
                  repr(GifImagePlugin.LOADING_STRATEGY)],
        "functions": [repr(f) for f in (Image.open, ImageFile.ImageFile.load, JpegImagePlugin.JpegImageFile.load_read,
                                        Image._decompression_bomb_check)],
        "decoders": sorted(Image.DECODERS), "numpy": [np.geterr(), repr(np.get_printoptions())],
        "rest": [repr(decimal.getcontext()), locale.getlocale(), sys.getrecursionlimit(), threading.active_count(),
                 repr(signal.getsignal(signal.SIGINT)), sys.getswitchinterval()],
    }

Image.init()
before = settings()
from edge_infer import Classifier
from edge_infer.pictures.loading import load_rgb
imported = settings()
for path in sys.argv[1:]:
    try:
        load_rgb(path)
    except ValueError:
        pass
print(json.dumps([imported == before, settings() == before]))
"""


def test_importing_and_using_the_package_changes_no_setting_of_the_host(tmp_path: Path) -> None:
    paths = []
    for image_format in FORMATS:
        for cut in (None, 100):
            paths.append(tmp_path / f"{image_format}{cut}")
            paths[-1].write_bytes(encoded(drawn((9, 90, 9)), image_format)[:cut])
    done = subprocess.run([sys.executable, "-c", LOOK, *paths], capture_output=True, text=True, timeout=60)
    assert (done.stderr, json.loads(done.stdout)) == ("", [True, True])
    assert decimal.getcontext().prec == 28


def test_a_thread_of_the_hosts_that_needs_truncated_images_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    cut = encoded(drawn((120, 90, 40), (80, 60)), "JPEG")[:-400]
    host_failures: list[BaseException] = []
    is_over = threading.Event()

    def host_thread() -> None:
        while not is_over.is_set():
            try:
                Image.open(io.BytesIO(cut)).load()
            except BaseException as error:
                host_failures.append(error)

    thread = threading.Thread(target=host_thread)
    thread.start()
    try:
        for _ in range(200):
            with pytest.raises(ImageDecodeError):
                load_rgb(cut)
    finally:
        is_over.set()
        thread.join()
    assert host_failures == []
