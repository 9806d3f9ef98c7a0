"""Pictures of cameras that are mounted on their side or upside down."""

from typing import Literal

from PIL import Image

Turn = Literal[0, 90, 180, 270]  # degrees, clockwise
TURNS: tuple[Turn, ...] = (0, 90, 180, 270)

# Pillow counts against the clock.
_TRANSPOSE = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


def as_turn(degrees: str | int | None) -> Turn:
    """Return a number of degrees as a turn; None for 0.

    Raises:
        ValueError: It is not one of `TURNS`.
    """
    for turn in TURNS:
        if int(degrees or 0) == turn:
            return turn
    raise ValueError(f"a picture is turned by {', '.join(map(str, TURNS))} degrees, not {degrees}")


def turned(image: Image.Image, turn: Turn) -> Image.Image:
    """Return a picture turned clockwise by so many degrees: at 0, the picture itself."""
    return image.transpose(_TRANSPOSE[turn]) if turn else image


def next_turn(turn: Turn) -> Turn:
    """Return a quarter more."""
    return TURNS[(TURNS.index(turn) + 1) % len(TURNS)]
