"""Draw an answer into its picture: boxes around faces, labels with scores."""

from PIL import Image, ImageDraw

from edge_infer.pictures.drawing.fonts import runs
from edge_infer.results import FacePrediction, Prediction

Colour = tuple[int, int, int]

CERTAIN_RGB, UNCERTAIN_RGB = (0, 114, 178), (213, 94, 0)  # told apart by colour-blind people too
_TEXT_SHARE = 1 / 30  # of the picture's shorter side
_MIN_TEXT_PX = 12


def annotate(image_rgb: Image.Image, prediction: Prediction) -> Image.Image:
    """Return a copy of a picture with its answer drawn in.

    Args:
        image_rgb: The upright picture, mode RGB, in the size that the boxes refer to.
        prediction: Its answer. Every face gets a box and a label. Without faces, the label is drawn at the top
            left; `no face found` replaces it where the model needs one, and `none of these` where the model does not
            know what it sees.

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
        text_px: Height of the letters; by default as the image asks for.
    """

    def __init__(self, image_rgb: Image.Image, text_px: int | None = None) -> None:
        self._draw = ImageDraw.Draw(image_rgb)
        self._size = image_rgb.size
        self.text_px = text_px or max(_MIN_TEXT_PX, round(min(image_rgb.size) * _TEXT_SHARE))

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
