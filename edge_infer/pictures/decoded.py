"""Decoded pictures, and those that are kept decoded because they will be needed once more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import BinaryIO

from PIL import Image


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture, as its file stores it.

    Attributes:
        pixels: RGB.
        box: The part (left, top, right, bottom) of `pixels` that the photo fills. A
            reduced decode rounds the size up, so its last row and column may be partial;
            stretching them as if they were whole would shift the photo.
        turn: What sets it upright.
        full_size: Width and height of the picture before a reduced decode.
        profile: What its colours are still to be translated to sRGB by: it costs time a pixel.
        name: What messages call it.
    """

    pixels: Image.Image
    box: tuple[float, float, float, float]
    turn: Image.Transpose | None
    full_size: tuple[int, int]
    profile: bytes | None = None
    name: str = "the given picture"


class Room:
    """A number of pixels that pictures may occupy between them. Safe to share between threads.

    Args:
        pixels: How many there are.
    """

    def __init__(self, pixels: int) -> None:
        self._free, self._lock = pixels, Lock()

    def take(self, pixels: int) -> bool:
        """Occupy so many pixels, if they are free, and return whether they were."""
        with self._lock:
            if pixels > self._free:
                return False
            self._free -= pixels
            return True

    def give_back(self, pixels: int) -> None:
        """Free what was taken."""
        with self._lock:
            self._free += pixels


class KeptPicture:
    """A picture that is loaded twice and decoded once, if it was decoded in full and there is room for it.

    A JPEG that was decoded at a reduced scale, or a picture without room, is decoded again.

    Args:
        source: A path, or an open file with the picture.
        room: What kept pictures share.
    """

    def __init__(self, source: str | BinaryIO, room: Room) -> None:
        self.name: str | None = source if isinstance(source, str) else getattr(source, "name", None)
        self._source, self._room = source, room
        self._kept: Decoded | None = None

    def load(self, decode: Callable[[str | BinaryIO], Decoded]) -> Decoded:
        """Return what was kept, or decode the source and keep it if that can be."""
        if self._kept is not None:
            return self._kept
        decoded = decode(self._source)
        width, height = decoded.full_size
        if decoded.pixels.size == decoded.full_size and self._room.take(width * height):
            try:
                # Pillow's own image may hold the file's bytes for its other frames.
                self._kept = replace(decoded, pixels=decoded.pixels.copy())
            except MemoryError:
                self._room.give_back(width * height)
        return decoded

    def forget(self) -> None:
        """Free the room that the picture takes."""
        if self._kept is not None:
            width, height = self._kept.full_size
            self._kept = None
            self._room.give_back(width * height)
