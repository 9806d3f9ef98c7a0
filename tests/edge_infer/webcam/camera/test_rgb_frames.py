import numpy as np
import pytest

from edge_infer.errors import BadFrameError
from edge_infer.webcam.camera.rgb_frames import to_rgb

GREY = np.array([[10, 20], [30, 40], [50, 60]], np.uint8)
GREY_RGB = np.repeat(GREY[:, :, np.newaxis], 3, axis=2)
BGR = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)


@pytest.mark.parametrize(
    ("frame", "rgb"),
    [
        (GREY, GREY_RGB),
        (GREY[:, :, np.newaxis], GREY_RGB),
        (BGR, BGR[:, :, ::-1]),
        (np.dstack([BGR, GREY]), BGR[:, :, ::-1]),
        (BGR[:, ::-1], BGR[:, ::-1, ::-1]),  # not contiguous
    ],
)
def test_every_form_becomes_rgb(frame: np.ndarray, rgb: np.ndarray) -> None:
    converted = to_rgb(frame)
    assert converted.dtype == np.uint8
    assert converted.tolist() == rgb.tolist()
    assert not np.shares_memory(converted, frame)  # the driver reuses its buffer


@pytest.mark.parametrize("frame", [None, "text", np.zeros((0, 4, 3), np.uint8), BGR.astype(np.uint16), BGR / 255])
def test_what_is_no_8_bit_picture_is_refused(frame: object) -> None:
    with pytest.raises(BadFrameError, match="did not give an 8-bit picture"):
        to_rgb(frame)


@pytest.mark.parametrize("shape", [(6,), (2, 3, 2), (2, 3, 5), (1, 2, 3, 3)])
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadFrameError, match="which is not a picture"):
        to_rgb(np.zeros(shape, np.uint8))
