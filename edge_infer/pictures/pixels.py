"""Any pixel format to 8-bit RGB, by the same rules in 16 bits as in 8."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from edge_infer.errors import UnsupportedImageError
from edge_infer.pictures.whole import load_whole

# PNG states a transparent grey in the file's own bits; Pillow spreads the pixels over 0-255, not that grey.
_STEP_OF_RAW_MODES = {"L;2": 85, "L;4": 17}
_RGB_16, _RGB_16_LOW_BYTES = "RGB;16B", "RGB;16L"


@dataclass(frozen=True, slots=True)
class PixelRule:
    """What has to be known of a picture before it is decoded, to flatten it afterwards.

    Attributes:
        transparent: The one grey or colour that means transparent, in the file's values; None without one.
        low_bytes: The lower halves of 16-bit colours, `uint8 [H, W, 3]`, which Pillow drops and
            only which tell the transparent colour from its neighbours. None where not needed.
        grey_levels: As in `Container`.
    """

    transparent: int | tuple[int, ...] | None
    low_bytes: npt.NDArray[np.uint8] | None
    grey_levels: int

    @classmethod
    def of(cls, image: Image.Image, grey_levels: int = 65535) -> "PixelRule":
        """Look at an undecoded picture."""
        stated, raw_mode = image.info.get("transparency"), _raw_mode(image)
        if isinstance(stated, int) and (image.mode in ("1", "L", "I") or image.mode.startswith("I;16")):
            return cls(stated * _STEP_OF_RAW_MODES.get(raw_mode, 1), None, grey_levels)
        if image.mode == "RGB" and isinstance(stated, tuple) and len(stated) == 3:
            return cls(stated, _low_bytes(image) if raw_mode == _RGB_16 else None, grey_levels)
        return cls(None, None, grey_levels)

    def to_rgb(self, image: Image.Image, name: str) -> Image.Image:
        """Flatten the picture, now decoded.

        Args:
            image: Of any mode.
            name: What messages call it.

        Returns:
            Mode RGB; what is transparent is white.

        Raises:
            UnsupportedImageError: Its pixels have no defined RGB form.
        """
        if image.mode == "RGB" and "transparency" not in image.info:
            return image
        if image.mode == "F":
            raise UnsupportedImageError(f"{name} has floating-point pixels, whose range is unknown: save it as 8-bit")
        if image.mode == "I" or image.mode.startswith("I;16"):
            rgb = self._from_deep_grey(image, name)
        else:
            try:
                rgb = self._from_8_bits(image)
            except ValueError as error:
                raise UnsupportedImageError(
                    f"{name} has pixels of mode {image.mode}, without a known RGB form"
                ) from error
        if self.transparent is not None:
            rgb.paste((255, 255, 255), mask=Image.fromarray(self._is_transparent(image)))
        return rgb

    def _from_8_bits(self, image: Image.Image) -> Image.Image:
        if self.transparent is not None or not image.has_transparency_data:
            return image.convert("RGB")
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")

    def _from_deep_grey(self, image: Image.Image, name: str) -> Image.Image:
        values, levels = np.asarray(image), abs(self.grey_levels)
        if values.min() < 0 or values.max() > levels:
            raise UnsupportedImageError(f"{name} has integer pixels outside 0-{levels}: save it as 8-bit or 16-bit")
        greys = _greys(levels)
        return Image.fromarray((greys if self.grey_levels > 0 else greys[::-1])[values]).convert("RGB")

    def _is_transparent(self, image: Image.Image) -> npt.NDArray[np.bool_]:
        """Return where the picture has its transparent colour, `bool [H, W]`."""
        values = np.asarray(image) * np.uint8(255) if image.mode == "1" else np.asarray(image)
        colour = np.array(self.transparent)
        if self.low_bytes is not None:
            is_same = (values == colour >> 8) & (self.low_bytes == colour & 255)
        elif image.mode == "RGB" and colour.max() > 255:  # of 16 bits, decoded by the caller
            is_same = values == colour >> 8
        else:
            is_same = values == colour
        return np.asarray(is_same if is_same.ndim == 2 else is_same.all(axis=-1))


def _greys(levels: int) -> npt.NDArray[np.uint8]:
    """Return the 8-bit grey, to the nearest, of each value from 0 to `levels`."""
    return ((np.arange(levels + 1) * 255 + levels // 2) // levels).astype(np.uint8)


def _raw_mode(image: Image.Image) -> str:
    """Return how an undecoded PNG stores its pixels; empty for others."""
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) and image.format == "PNG" else []
    return tiles[0].args if len(tiles) == 1 and isinstance(tiles[0].args, str) else ""


def _low_bytes(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """Decode a PNG of 16-bit colours once more, for the bytes that Pillow drops."""
    stream = getattr(image, "fp", None)
    if not isinstance(stream, BytesIO):  # the caller's own file
        return None
    again: ImageFile.ImageFile = type(image)(BytesIO(stream.getvalue()))  # type: ignore[call-arg, assignment]
    again.tile = [again.tile[0]._replace(args=_RGB_16_LOW_BYTES)]
    load_whole(again)
    return np.asarray(again)
