"""What is shown: the drawn frame, the answer, and how the feed is doing."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from edge_infer.pictures.turning import Turn
from edge_infer.results import Prediction
from edge_infer.webcam.camera.capture import CaptureCounts, CaptureState

Command = Literal[
    "quit", "snapshot", "record", "stop-recording", "toggle-recording", "toggle-pause", "turn", "toggle-map"
]
SendCommand = Callable[[Command], None]
FeedState = CaptureState | Literal["paused"]
_FPS_WINDOW_S = 2.0
_KEPT_LATENCIES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How the feed is doing.

    Attributes:
        source: What the frames come from.
        state: Whether they come.
        turn: How far they are turned clockwise, degrees.
        fps: Frames answered per second, over the last two.
        latencies_ms: From the capture of a frame until its answer was drawn, for the last ones, oldest first.
        answer_ms: The model's part of the last one.
        counts: What the capture counted.
        answered: Frames answered.
        has_map: Whether the picture is shown under the map of where the model looked.
        recording: File that is being recorded.
        snapshot: Last one that was taken.
        trouble: What went wrong last, such as a recording that could not be written.
    """

    source: str
    state: FeedState = "live"
    turn: Turn = 0
    fps: float = 0.0
    latencies_ms: tuple[float, ...] = ()
    answer_ms: float = 0.0
    counts: CaptureCounts = field(default_factory=CaptureCounts)
    answered: int = 0
    has_map: bool = False
    recording: str | None = None
    snapshot: str | None = None
    trouble: str | None = None

    @property
    def latency_ms(self) -> float:
        """Of the last frame; 0 before the first."""
        return self.latencies_ms[-1] if self.latencies_ms else 0.0


@dataclass(frozen=True, slots=True)
class View:
    """What a display shows.

    Attributes:
        image_rgb: The newest frame with the newest answer and the status drawn in.
        captured_at: When that frame was taken, on the clock of `time.monotonic`, seconds.
        prediction: The answer: to this frame, or to an earlier one while this one is waiting.
        status: How the feed is doing.
    """

    image_rgb: Image.Image
    captured_at: float
    prediction: Prediction
    status: FeedStatus


class Meter:
    """Measures frames per second and latency over the last frames."""

    def __init__(self) -> None:
        self._drawn_at: deque[float] = deque()
        self._latencies_ms: deque[float] = deque(maxlen=_KEPT_LATENCIES)
        self.answered = 0
        self.answer_ms = 0.0

    def count(self, captured_at: float, answer_s: float) -> None:
        """Count a frame whose answer was drawn just now.

        Args:
            captured_at: On the clock of `time.monotonic`, seconds.
            answer_s: How long the model took, seconds.
        """
        now = time.monotonic()
        self.answered += 1
        self.answer_ms = answer_s * 1e3
        self._drawn_at.append(now)
        self._latencies_ms.append((now - captured_at) * 1e3)
        self._forget(now)

    def fps(self) -> float:
        """Return the frames per second over the last two."""
        self._forget(time.monotonic())
        if len(self._drawn_at) < 2:
            return 0.0
        span_s = self._drawn_at[-1] - self._drawn_at[0]
        return (len(self._drawn_at) - 1) / span_s if span_s > 0 else 0.0  # a clock may stand still for 16 ms

    def latencies_ms(self) -> tuple[float, ...]:
        """Return the latencies of the last frames, oldest first."""
        return tuple(self._latencies_ms)

    def _forget(self, now: float) -> None:
        while self._drawn_at and now - self._drawn_at[0] >= _FPS_WINDOW_S:
            self._drawn_at.popleft()
