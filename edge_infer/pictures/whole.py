"""Decode with Pillow's own code, whatever the host program has set in Pillow.

`ImageFile.LOAD_TRUNCATED_IMAGES` makes Pillow fill the missing part of a cut file with grey, and
`Image.MAX_IMAGE_PIXELS` makes it refuse, or warn of, pictures that `max_pixels` allows. Both are of
the whole process: another thread may be relying on them. So they are left alone, and the few
functions that ask for them run with globals of their own.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from io import BytesIO
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, cast

from PIL import Image, ImageFile

# By Pillow's name of the format: the module and class that read it. `Image.open` would import all
# 40 formats for some of these, and would ask whatever else the host has registered under the name.
_READERS = MappingProxyType(
    {
        "JPEG": ("JpegImagePlugin", "JpegImageFile"),
        "PNG": ("PngImagePlugin", "PngImageFile"),
        "WEBP": ("WebPImagePlugin", "WebPImageFile"),
        "BMP": ("BmpImagePlugin", "BmpImageFile"),
        "GIF": ("GifImagePlugin", "GifImageFile"),
        "TIFF": ("TiffImagePlugin", "TiffImageFile"),
        "PPM": ("PpmImagePlugin", "PpmImageFile"),
        "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    }
)


def open_as(image_format: str, data: bytes) -> ImageFile.ImageFile:
    """Read a file's header.

    Args:
        image_format: Pillow's name of it.
        data: The whole file.

    Returns:
        The picture, undecoded.

    Raises:
        Exception: Whatever Pillow's reader stumbles over.
    """
    return _reader(image_format)(BytesIO(data))


def load_whole(image: Image.Image) -> None:
    """Decode a picture; the missing part of a cut one is an error.

    Raises:
        OSError: It is cut short or damaged.
        Exception: Whatever else a decoder stumbles over.
    """
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        image.load()
    elif image.format == "TIFF":
        _load_tiff(image)
    elif type(image).load is not ImageFile.ImageFile.load:
        image.load()  # libwebp and libavif decode whole pictures or none
    elif image.format in ("JPEG", "MPO"):
        _load_jpeg(image)
    else:
        _load(image)()


def _load_jpeg(image: Any) -> None:  # noqa: ANN401  # Pillow's class, imported late
    image.load_read = image.fp.read  # Pillow's own would make up the missing end
    try:
        _load(image)()
    finally:
        del image.load_read


def _load_tiff(image: Any) -> None:  # noqa: ANN401  # Pillow's class, imported late
    if image._im is None:  # else Pillow would ask for its limit of pixels before it makes room
        image.im = Image.new(image.mode, image._tile_size).im
    (image.load if image.use_load_libtiff else _load(image))()


@cache
def _reader(image_format: str) -> Callable[[BytesIO], ImageFile.ImageFile]:
    module_name, class_name = _READERS[image_format]
    module = import_module(f"PIL.{module_name}")
    reader = getattr(module, class_name)
    if image_format != "WEBP":
        return cast("Callable[[BytesIO], ImageFile.ImageFile]", reader)
    # Its size was checked before: here it is not known, so there is nothing to ask a limit for.
    opened = _with_globals(reader._open, module, _get_size=lambda _: None)
    return type(class_name, (reader,), {"_open": opened})


def _load(image: ImageFile.ImageFile) -> Callable[[], Any]:
    return _strict_load().__get__(image)


@cache
def _strict_load() -> FunctionType:
    return _with_globals(ImageFile.ImageFile.load, ImageFile, LOAD_TRUNCATED_IMAGES=False)


def _with_globals(function: Callable[..., Any], module: ModuleType, **replaced: object) -> FunctionType:
    """Return a function of a module that sees other values of some of the module's globals."""
    return FunctionType(function.__code__, {**vars(module), **replaced})
