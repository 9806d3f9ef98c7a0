"""Draw an answer into its picture: boxes around faces, labels with scores."""

from pathlib import Path

from PIL import Image, ImageDraw

from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.fonts import runs
from edge_infer.pictures.drawing.jpeg_files import write_jpeg
from edge_infer.pictures.loading import ImageSource, load_rgb
from edge_infer.pictures.whole import open_as
from edge_infer.results import STDIN, FacePrediction, Prediction

Colour = tuple[int, int, int]

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
            stands at the top left, or that there is no face where one was needed. Instead of the label,
            `none of these` for what the model does not know.

    Returns:
        A new image of mode RGB.
    """
    drawn = image_rgb.copy()
    pen = Pen(drawn)
    for face in reversed(prediction.faces or ()):  # the largest last, on top
        pen.box(face.box, _colour(face))
        pen.label((face.box[0], face.box[1] - 1.4 * pen.text_px), _text(face), _colour(face))
    if not prediction.faces:
        pen.label((0, 0), _text(prediction) if prediction.shows_subject else "no face found", _colour(prediction))
    return drawn


class Pen:
    """Draws into an image, everything as large as the image asks for.

    Args:
        image_rgb: Mode RGB; drawn into.
    """

    def __init__(self, image_rgb: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image_rgb)
        self._size = image_rgb.size
        self.text_px = max(_MIN_TEXT_PX, round(min(image_rgb.size) * _TEXT_SHARE))

    def box(self, box: tuple[float, float, float, float], rgb: Colour) -> None:
        """Draw a rectangle's outline: left, top, right, bottom in pixels."""
        self._draw.rectangle(box, outline=rgb, width=max(2, self.text_px // 8))

    def label(self, place: tuple[float, float], text: str, rgb: Colour) -> None:
        """Write white text, of any script, on a coloured ground: its left top at x, y, moved inside the image."""
        pieces, end = [], 0.0
        for font, piece in runs(text, self.text_px):
            pieces.append((end, font, piece))
            end += font.getlength(piece)
        boxes = [self._draw.textbbox((at, 0), piece, font, anchor="ls") for at, font, piece in pieces]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        pad = (bottom - top) / 4
        length = right - left + 2 * pad, bottom - top + 2 * pad
        x, y = (max(0.0, min(at, side - used)) for at, side, used in zip(place, self._size, length, strict=True))
        self._draw.rectangle((x, y, x + length[0], y + length[1]), fill=rgb)
        # Whole pixels: Pillow cuts text off that begins at a fraction above the image.
        start, baseline = round(x + pad - left), round(y + pad - top)
        for at, font, piece in pieces:
            self._draw.text((start + round(at), baseline), piece, "white", font, anchor="ls")


def _text(answer: Prediction | FacePrediction) -> str:
    if not answer.is_known:
        return "none of these"
    return f"{answer.label}{'' if answer.is_certain else '?'} {answer.score:.0%}"


def _colour(answer: Prediction | FacePrediction) -> Colour:
    return CERTAIN_RGB if answer.is_certain else UNCERTAIN_RGB


class AnnotatedCopies:
    """A folder that takes an annotated copy of each picture, as `<name>-annotated.jpg`.

    Pictures of the same name from different folders get a number. A copy from an earlier run,
    which a comment in the file marks, is replaced; nothing else ever is.

    Args:
        folder: Created when it does not exist.
        loading: `max_pixels`, `max_bytes` and `rotate`, as in `load_rgb`.

    Raises:
        OutputError: The folder cannot be created.
    """

    def __init__(self, folder: Path, **loading: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"folder {folder} cannot be created: {error.strerror}") from error
        self._folder = folder
        self._loading = loading
        self._taken: set[str] = set()

    def save(self, source: ImageSource, prediction: Prediction) -> Path:
        """Write the annotated copy of a picture, whole or not at all.

        Args:
            source: The picture: anything `load_rgb` takes.
            prediction: Its answer.

        Returns:
            The written file.

        Raises:
            InputError: The picture cannot be read, or no longer: it has gone or changed since it was answered.
            OutputError: The file cannot be written.
        """
        drawn = annotate(load_rgb(source, **self._loading), prediction)
        path = self._free_path(Path(prediction.source or "picture").stem)
        write_jpeg(path, drawn, quality=_JPEG_QUALITY, comment=_MARK)
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
    """Return whether nothing is at `path`, or a copy from an earlier run.

    Raises:
        OutputError: Nothing can be at such a path, nor can it be looked at.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        return path.is_file() and open_as("JPEG", path.read_bytes()).info.get("comment") == _MARK
    except Exception:  # of whatever else is there, which is never replaced
        return False
