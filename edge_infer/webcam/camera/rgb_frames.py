"""What a camera driver hands out -> `uint8 [H, W, 3]` RGB."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_infer.errors import BadFrameError
from edge_infer.webcam.opencv import load_cv2

Pixels = npt.NDArray[np.uint8]


def to_rgb(frame: Any) -> Pixels:  # noqa: ANN401  # whatever the driver gave
    """Convert a frame of OpenCV's.

    Args:
        frame: `uint8`, grey `[H, W]` or `[H, W, 1]`, BGR `[H, W, 3]` or BGRA `[H, W, 4]`.

    Returns:
        `uint8 [H, W, 3]`, RGB, a new array.

    Raises:
        BadFrameError: None of these.
    """
    if not isinstance(frame, np.ndarray) or frame.size == 0 or frame.dtype != np.uint8:
        raise BadFrameError("the camera did not give an 8-bit picture")
    cv2 = load_cv2()
    match frame.shape:
        case (_, _) | (_, _, 1):
            conversion = cv2.COLOR_GRAY2RGB
        case (_, _, 3):
            conversion = cv2.COLOR_BGR2RGB
        case (_, _, 4):
            conversion = cv2.COLOR_BGRA2RGB
        case _:
            raise BadFrameError(f"the camera gave an array of shape {list(frame.shape)}, which is not a picture")
    pixels: Pixels = cv2.cvtColor(frame, conversion)
    return pixels
