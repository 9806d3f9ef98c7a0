"""What a walk over a file found."""

from dataclasses import dataclass

from edge_infer.errors import ImageDecodeError


@dataclass(frozen=True, slots=True)
class Container:
    """A picture's file, taken apart.

    Attributes:
        data: What the decoder is given: the file without what pixels do not need.
        orientation: EXIF's number of the turn that sets the picture upright, unchecked; None if unsaid.
        profile: The embedded ICC profile, unchecked.
        size: Width and height where a decoder would make room for them as soon as it is opened.
        is_held_whole: Whether a decoder holds the whole picture at its full size, whatever scale
            it decodes at.
        grey_levels: For grey pixels of more than 8 bits: the value of white, or minus the value of
            black where 0 is white.
        unread: What it is instead of a picture that is read, such as "camera RAW".
    """

    data: bytes
    orientation: int | None = None
    profile: bytes | None = None
    size: tuple[int, int] | None = None
    is_held_whole: bool = False
    grey_levels: int = 65535
    unread: str | None = None


def counted(count: int, limit: int, what: str) -> int:
    """Count one more.

    Raises:
        ImageDecodeError: The limit was reached before.
    """
    if count == limit:
        raise excess(what, limit)
    return count + 1


def excess(what: str, limit: int) -> ImageDecodeError:
    """Return the error of a file that has more than `limit` of something."""
    return ImageDecodeError(f"it has more than {limit} {what}, which no picture needs")
