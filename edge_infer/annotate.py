"""Draw an answer into its picture: boxes around faces, labels with scores."""

import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw, ImageFont

from edge_infer.errors import OutputError
from edge_infer.images import load_rgb
from edge_infer.results import FacePrediction, Prediction
from edge_infer.sources import STDIN

CERTAIN_RGB, UNCERTAIN_RGB = (0, 114, 178), (213, 94, 0)  # told apart by colour-blind people too
_TEXT_SHARE = 1 / 30  # of the picture's shorter side
_MIN_TEXT_PX = 12
_JPEG_QUALITY = 90
_MARK = b"annotated by edge-infer"


def annotate(image_rgb: Image.Image, prediction: Prediction) -> Image.Image:
    """Return a copy of a picture with its answer drawn in.

    Args:
        image_rgb: The upright picture, mode RGB, in the size that the boxes refer to.
        prediction: Its answer. Every face gets a box and a label; without faces, the label
            stands at the top left.

    Returns:
        A new image of mode RGB.
    """
    drawn = image_rgb.copy()
    draw = ImageDraw.Draw(drawn)
    text_px = max(_MIN_TEXT_PX, round(min(drawn.size) * _TEXT_SHARE))
    font = ImageFont.load_default(text_px)
    for face in reversed(prediction.faces or ()):  # the largest last, on top
        draw.rectangle(face.box, outline=_colour(face), width=max(2, text_px // 8))
        _write(draw, (face.box[0], face.box[1] - 1.4 * text_px), face, font, drawn.size)
    if not prediction.faces:
        _write(draw, (0, 0), prediction, font, drawn.size)
    return drawn


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    answer: Prediction | FacePrediction,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    size: tuple[int, int],
) -> None:
    """Write an answer on a coloured ground, moved inside the picture."""
    text = f"{answer.label} {answer.score:.0%}" if answer.is_certain else f"{answer.label}? {answer.score:.0%}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    pad = (bottom - top) / 4
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x, y = (max(0.0, min(at, side - length)) for at, side, length in zip(place, size, (width, height), strict=True))
    draw.rectangle((x, y, x + width, y + height), fill=_colour(answer))
    draw.text((x + pad - left, y + pad - top), text, fill="white", font=font)


def _colour(answer: Prediction | FacePrediction) -> tuple[int, int, int]:
    return CERTAIN_RGB if answer.is_certain else UNCERTAIN_RGB


class AnnotatedCopies:
    """A folder that takes an annotated copy of each picture, as `<name>-annotated.jpg`.

    Pictures of the same name from different folders get a number. A copy from an earlier run,
    which a comment in the file marks, is replaced; nothing else ever is.

    Args:
        folder: Created when it does not exist.
        limits: `max_pixels` and `max_bytes` of the pictures, as in `load_rgb`.

    Raises:
        OutputError: The folder cannot be created.
    """

    def __init__(self, folder: Path, **limits: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"folder {folder} cannot be created: {error.strerror}") from error
        self._folder = folder
        self._limits = limits
        self._taken: set[str] = set()

    def save(self, source: str | BinaryIO, prediction: Prediction) -> Path:
        """Write the annotated copy of a picture, whole or not at all.

        Args:
            source: A path, or an open file with the picture.
            prediction: Its answer.

        Returns:
            The written file.

        Raises:
            InputError: The picture has gone or changed since it was answered.
            OutputError: The file cannot be written.
        """
        if not isinstance(source, str):
            source.seek(0)
        drawn = annotate(load_rgb(source, **self._limits), prediction)
        path = self._free_path(Path(prediction.source or "picture").stem)
        unfinished = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
        try:
            # Into memory first: Pillow takes the short write of a disk that fills up for a whole one.
            encoded = BytesIO()
            drawn.save(encoded, "JPEG", quality=_JPEG_QUALITY, comment=_MARK)
            unfinished.write_bytes(encoded.getvalue())
            unfinished.replace(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return path

    def _free_path(self, stem: str) -> Path:
        stem = "stdin" if stem == STDIN else stem
        path, number = self._folder / f"{stem}-annotated.jpg", 1
        while path.name.casefold() in self._taken or not _may_replace(path):
            number += 1
            path = self._folder / f"{stem}-annotated-{number}.jpg"
        self._taken.add(path.name.casefold())
        return path


def _may_replace(path: Path) -> bool:
    """Return whether nothing is at `path`, or a copy from an earlier run."""
    try:
        with Image.open(path, formats=("JPEG",)) as found:
            return found.info.get("comment") == _MARK
    except FileNotFoundError:
        return True
    except (OSError, SyntaxError, ValueError):
        return False
