"""Pictures of cameras that are mounted on their side or upside down."""

from typing import Literal

from PIL import Image

Turn = Literal[0, 90, 180, 270]  # degrees, clockwise
TURNS: tuple[Turn, ...] = (0, 90, 180, 270)

# Each is the one before it and a quarter turn clockwise; Pillow counts the other way round.
_ROUNDS: tuple[tuple[Image.Transpose | None, ...], ...] = (
    (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90),
    (
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
    ),
)


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
    transpose = turned_on(None, turn)
    return image if transpose is None else image.transpose(transpose)


def turned_on(transpose: Image.Transpose | None, turn: Turn) -> Image.Transpose | None:
    """Return what does the same as a transposition, None for none, and a turn after it."""
    (done,) = (done for done in _ROUNDS if transpose in done)
    return done[(done.index(transpose) + TURNS.index(turn)) % len(TURNS)]


def next_turn(turn: Turn) -> Turn:
    """Return a quarter more."""
    return TURNS[(TURNS.index(turn) + 1) % len(TURNS)]
