"""Embedded colour profiles: to sRGB, the colours that models are trained on.

Cameras and phones write Adobe RGB, Display P3 or ProPhoto and say so in an ICC profile. LittleCMS,
through Pillow's ImageCms, translates them: relative colorimetric, so a colour that sRGB has stays
exactly itself (the perceptual intent of some makers moves every colour), with black point
compensation, so a print's black becomes black. Most photos are sRGB already, which is seen in the
profile's numbers without LittleCMS.

A profile is data from strangers. One that is damaged, too large, of another kind than the pixels,
or holds what can take LittleCMS for ever is ignored, as a viewer does, and the pixels count as sRGB.
"""

import struct
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from edge_infer.errors import UnsupportedImageError

if TYPE_CHECKING:  # it brings in LittleCMS, which an ordinary photo does not need
    from PIL.ImageCms import ImageCmsTransform

MAX_BYTES = 4_000_000  # printers' profiles have 0.5 to 3 MB
MAX_TAGS = 100  # as in LittleCMS
_CACHED = 4

_SPACE_OF_MODES = {
    **dict.fromkeys(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"), b"GRAY"),
    **dict.fromkeys(("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"), b"RGB "),
    "CMYK": b"CMYK",
}
_MODE_OF_SPACES = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}
_DEVICES = (b"mntr", b"scnr", b"prtr", b"spac")
_RELATIVE_COLORIMETRIC, _BLACK_POINT_COMPENSATION = 1, 0x2000

# sRGB's primaries in the profile's own space, and how far profiles that call themselves sRGB are from them.
_SRGB_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_PRIMARIES_TOLERANCE = 0.002
_CURVE_TOLERANCE = 0.005
_MIN_CURVE_POINTS = 16  # fewer do not follow it
_CURVE_PLACES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


def profile_of(image: Image.Image, profile: bytes | None) -> bytes | None:
    """Return a picture's profile if its pixels have to be translated by it, else None.

    Args:
        image: In the mode it is stored in.
        profile: What its file embeds.
    """
    if not profile or len(profile) > MAX_BYTES:
        return None
    if _space(profile) != _SPACE_OF_MODES.get(image.mode) or _is_srgb(profile):
        return None
    return profile


def to_srgb(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """Translate a picture's colours.

    Args:
        image: RGB (a grey picture's three channels are the same), or CMYK if that is the profile's space.
        profile: From `profile_of`.
        name: What messages call the picture.

    Returns:
        Mode RGB. Without a usable profile, the given picture unchanged.

    Raises:
        UnsupportedImageError: This Pillow was built without LittleCMS.
    """
    if profile is None:
        return image
    try:
        transform = _transform(profile)
    except ImportError as error:
        raise UnsupportedImageError(
            f"{name} has a colour profile, and this Pillow cannot apply it (it has no LittleCMS): convert it to sRGB"
        ) from error
    if transform is None:
        return image
    source = image.getchannel(0) if transform.input_mode == "L" else image
    translated = Image.new("RGB", image.size)
    transform.transform.apply(source.getim(), translated.getim())
    return translated


@lru_cache(_CACHED)
def _transform(profile: bytes) -> "ImageCmsTransform | None":
    """Build what translates from a profile to sRGB; None if the profile has to be ignored."""
    mode = _MODE_OF_SPACES.get(_space(profile) or b"")
    if mode is None or not _is_harmless(profile):
        return None
    from PIL import ImageCms

    try:
        return ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGB",
            ImageCms.Intent(_RELATIVE_COLORIMETRIC),
            flags=ImageCms.Flags(_BLACK_POINT_COMPENSATION),
        )
    except (OSError, TypeError, ValueError, MemoryError):
        return None


def _space(profile: bytes) -> bytes | None:
    """Return the colours that a profile is for, if it is the profile of a device."""
    is_device = profile[36:40] == b"acsp" and profile[12:16] in _DEVICES
    return profile[16:20] if is_device else None


def _is_harmless(profile: bytes) -> bool:
    """Return whether LittleCMS is done with a profile in a moment.

    Chains of any length are left out: they are the only part whose cost for each pixel is the file's choice.
    """
    return not any(content[:4].tobytes() == b"mpet" for _, content in _tags(profile))


@lru_cache(_CACHED)
def _is_srgb(profile: bytes) -> bool:
    """Return whether a profile has sRGB's primaries and curve, and nothing that would go before them."""
    tags = dict(_tags(profile))
    if any(tag.startswith((b"A2B", b"D2B")) for tag in tags) or profile[20:24] != b"XYZ ":
        return False
    for tag, xyz in _SRGB_PRIMARIES.items():
        if len(tags.get(tag, b"")) < 20:
            return False
        stated = struct.unpack_from(">3i", tags[tag], 8)
        if any(abs(a / 65536 - b) > _PRIMARIES_TOLERANCE for a, b in zip(stated, xyz, strict=True)):
            return False
    return all(_has_srgb_curve(tags.get(tag, b"")) for tag in (b"rTRC", b"gTRC", b"bTRC"))


def _has_srgb_curve(content: bytes | memoryview) -> bool:
    """Return whether a curve, as a table or as the formula of IEC 61966-2-1, is sRGB's."""
    if content[:4] == b"para" and len(content) >= 32 and content[8:10] == b"\0\3":
        gamma, a, b, c, d = (value / 65536 for value in struct.unpack_from(">5i", content, 12))
        curve = [(a * x + b) ** gamma if x >= d else c * x for x in _CURVE_PLACES] if min(a, b) >= 0 else []
    elif content[:4] == b"curv" and len(content) >= 12:
        (count,) = struct.unpack_from(">I", content, 8)
        if count < _MIN_CURVE_POINTS or len(content) < 12 + 2 * count:
            return False
        table = struct.unpack_from(f">{count}H", content, 12)
        curve = [_interpolated(table, x) / 65535 for x in _CURVE_PLACES]
    else:
        return False
    expected = [((x + 0.055) / 1.055) ** 2.4 if x > 0.04045 else x / 12.92 for x in _CURVE_PLACES]
    return len(curve) == len(expected) and all(
        abs(a - b) <= _CURVE_TOLERANCE for a, b in zip(curve, expected, strict=True)
    )


def _interpolated(table: tuple[int, ...], x: float) -> float:
    below, share = divmod(x * (len(table) - 1), 1)
    low, high = table[int(below) : int(below) + 2]
    return low + share * (high - low)


def _tags(profile: bytes) -> list[tuple[bytes, memoryview]]:
    """Return the profile's tags; none of one with a directory that is damaged.

    Their contents are views: tags may share bytes, so that copies could take a hundred times the profile.
    """
    if len(profile) < 132:
        return []
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > MAX_TAGS or len(profile) < 132 + 12 * count:
        return []
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    contents = memoryview(profile)
    return [(tag, contents[start : start + size]) for tag, start, size in entries]
