import numpy as np
import pytest
from PIL import Image

from edge_infer.pictures.drawing.annotate import UNCERTAIN_RGB, annotate
from edge_infer.results import Prediction
from edge_infer.webcam.camera.capture import CaptureCounts
from edge_infer.webcam.overlay import INK_RGB, RECORDING_RGB, draw_status, status_line
from edge_infer.webcam.view import FeedStatus, Meter
from tests.edge_infer.webcam.conftest import SCORES

GREY = (128, 128, 128)
LIVE = FeedStatus(source="cam", fps=29.84, latencies_ms=(80.0, 24.4), counts=CaptureCounts(dropped=3))


def changed(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the pixels that are not grey any more."""
    return np.nonzero((np.asarray(image) != GREY).any(axis=-1))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (LIVE, "29.8 fps  24 ms  3 dropped"),
        (FeedStatus(source="cam"), "0.0 fps  0 ms  0 dropped"),
        (FeedStatus(source="cam", state="paused"), "paused"),
        (FeedStatus(source="cam", state="lost"), "camera lost, trying again"),
    ],
)
def test_the_status_in_words(status: FeedStatus, line: str) -> None:
    assert status_line(status) == line


def test_the_status_stands_along_the_lower_edge_of_a_copy() -> None:
    frame = Image.new("RGB", (320, 240), GREY)
    rows, columns = changed(drawn := draw_status(frame, LIVE))
    assert drawn.getpixel((0, 239)) == INK_RGB
    assert rows.min() > 215
    assert (columns.min(), columns.max()) == (0, pytest.approx(160, abs=60))
    assert len(changed(frame)[0]) == 0


def test_a_recording_is_marked_at_the_right_top() -> None:
    frame = Image.new("RGB", (320, 240), GREY)
    drawn = draw_status(frame, FeedStatus(source="cam", recording="a.mp4"))
    assert drawn.getpixel((319, 0)) == RECORDING_RGB
    assert draw_status(frame, LIVE).getpixel((319, 0)) == GREY


def test_drawing_is_pure() -> None:
    frame = Image.new("RGB", (320, 240), GREY)
    assert draw_status(frame, LIVE).tobytes() == draw_status(frame, LIVE).tobytes()


@pytest.mark.parametrize("size", [(1, 1), (16, 900), (2000, 10)])
def test_frames_of_any_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    assert draw_status(Image.new("RGB", size), LIVE).size == size


def test_a_picture_without_the_face_it_needs_says_so_instead_of_a_label() -> None:
    frame = Image.new("RGB", (320, 240), GREY)
    nobody = Prediction(None, "gender", "gender", SCORES, 0.5, faces=(), shows_subject=False)
    other = Prediction(None, "gender", "gender", SCORES[::-1], 0.5, faces=(), shows_subject=False)
    assert annotate(frame, nobody).getpixel((1, 1)) == UNCERTAIN_RGB
    assert annotate(frame, nobody).tobytes() == annotate(frame, other).tobytes()


def test_frames_per_second_are_those_of_the_last_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("edge_infer.webcam.view.time.monotonic", lambda: now[0])
    meter = Meter()
    assert meter.fps() == 0
    for _ in range(50):
        now[0] += 0.1
        meter.count(now[0] - 0.025, answer_s=0.02)
    assert meter.fps() == pytest.approx(10)
    assert meter.latencies_ms() == pytest.approx([25.0] * 50)
    assert (meter.answered, meter.answer_ms) == (50, pytest.approx(20))
    now[0] += 1.5
    assert meter.fps() == pytest.approx(10)
    now[0] += 0.5
    assert meter.fps() == 0


def test_a_clock_that_stands_still_gives_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_infer.webcam.view.time.monotonic", lambda: 100.0)
    meter = Meter()
    for _ in range(2):
        meter.count(100.0, answer_s=0.002)
    assert meter.fps() == 0


def test_only_the_latencies_of_the_last_frames_are_kept() -> None:
    meter = Meter()
    for _ in range(1000):
        meter.count(0.0, 0.0)
    assert len(meter.latencies_ms()) == 120
