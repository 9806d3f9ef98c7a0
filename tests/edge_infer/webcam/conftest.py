"""Feeds without a camera: drawn frames, scripted sources, a real clip, waiting with a deadline."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count, cycle
from pathlib import Path

import numpy as np
import pytest

from edge_infer.errors import BadFrameError
from edge_infer.results import LabelScore, Prediction
from edge_infer.webcam.opencv import load_cv2

SIZE = (64, 48)
SCORES = (LabelScore("red", 0.9), LabelScore("blue", 0.1))


def prediction(*, min_score: float = 0.5, scores: tuple[LabelScore, ...] = SCORES) -> Prediction:
    return Prediction(None, "colours", "colours", scores, min_score)


def frame(value: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return an RGB frame of one grey value."""
    return np.full((size[1], size[0], 3), value % 256, np.uint8)


def write_clip(
    path: Path, colours: Iterable[tuple[int, int, int]], fps: float = 30, size: tuple[int, int] = SIZE, noise: int = 0
) -> Path:
    """Write a real video of frames of one colour each, and noise, which makes it large."""
    rng = np.random.default_rng(0)
    cv2 = load_cv2()
    codec = {".mp4": "mp4v", ".avi": "MJPG"}[path.suffix]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
    assert writer.isOpened()
    for red, green, blue in colours:
        pixels = np.full((size[1], size[0], 3), (blue, green, red), np.uint8)
        writer.write(pixels + rng.integers(0, noise + 1, pixels.shape, np.uint8) if noise else pixels)
    writer.release()
    return path


def read_clip(path: Path) -> list[np.ndarray]:
    """Return the RGB frames of a video."""
    capture, frames = load_cv2().VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1][:, :, ::-1])
    capture.release()
    return frames


def needs_programs(*names: str) -> None:
    """Skip a test whose programs are not installed; on the CI machine, fail it."""
    missing = ", ".join(name for name in names if shutil.which(name) is None)
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {missing}")
    if missing:
        pytest.skip(f"not installed: {missing}")


def wait_until(is_so: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait until something is so and return how long that took; fail if it never is."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - began


class ScriptedSource:
    """A source that plays a script of frames, None for a read without a frame, and exceptions.

    Live, or a video of so many seconds a frame, or with a time for each.
    """

    def __init__(
        self,
        script: Iterable[object],
        frame_s: float = 0.0,
        pause_s: float = 0.002,
        *,
        is_live: bool | None = None,
        times_s: Iterable[float] | None = None,
    ) -> None:
        self.is_live = frame_s == 0 if is_live is None else is_live
        self.frame_s, self.time_s = frame_s, None
        self._times_s = iter(times_s) if times_s is not None else count(0, frame_s)
        self._script, self._pause_s = iter(script), pause_s
        self.is_released = False

    def read(self) -> np.ndarray | None:
        time.sleep(self._pause_s)
        step = next(self._script, None)
        if isinstance(step, Exception):
            raise step
        if step is not None and not self.is_live:
            self.time_s = next(self._times_s)
        return step

    def release(self) -> None:
        self.is_released = True


class StuckSource(ScriptedSource):
    """Gives some frames, then blocks in `read` until `let_go`."""

    def __init__(self, frames: int) -> None:
        super().__init__(map(frame, range(frames)))
        self._left = frames
        self.let_go = threading.Event()

    def read(self) -> np.ndarray | None:
        if self._left == 0:
            self.let_go.wait()
        self._left -= 1
        return super().read()


def endless() -> ScriptedSource:
    return ScriptedSource(map(frame, cycle(range(256))))


def bad() -> BadFrameError:
    return BadFrameError("no picture")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """30 red frames, then 30 blue ones, at 30 frames per second."""
    return write_clip(tmp_path / "clip.avi", [(205, 30, 40)] * 30 + [(40, 60, 200)] * 30)
