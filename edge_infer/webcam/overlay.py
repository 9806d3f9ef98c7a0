"""Draw the status of a feed into its picture. Pure: frame, status -> frame."""

from PIL import Image

from edge_infer.pictures.drawing.annotate import Colour, Pen
from edge_infer.webcam.view import FeedStatus

INK_RGB: Colour = (40, 40, 40)
RECORDING_RGB: Colour = (190, 20, 30)


def draw_status(image_rgb: Image.Image, status: FeedStatus) -> Image.Image:
    """Return a copy of a frame with the status along its lower edge.

    Args:
        image_rgb: The frame with its answer (`edge_infer.pictures.drawing.annotate`), mode RGB.
        status: How the feed is doing.

    Returns:
        A new image of mode RGB.
    """
    drawn = image_rgb.copy()
    pen = Pen(drawn)
    pen.label((0, drawn.height), status_line(status), INK_RGB)
    if status.recording is not None:
        pen.label((drawn.width, 0), "REC", RECORDING_RGB)
    return drawn


def status_line(status: FeedStatus) -> str:
    """Return the status in a few words, such as `29.8 fps  24 ms  3 dropped`."""
    match status.state:
        case "paused":
            return "paused"
        case "lost":
            return "camera lost, trying again"
        case _:
            return f"{status.fps:.1f} fps  {status.latency_ms:.0f} ms  {status.counts.dropped} dropped"
