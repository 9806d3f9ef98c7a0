"""Capture in a thread of its own: the newest frame wins, and a camera that fails is opened again.

A camera fails in more ways than by saying so: `read()` blocks for ever, or returns the
same picture again and again. So it is judged by what arrives: without a new picture for
`timeout_s` its reader is left behind (a thread that is stuck in a driver cannot be
stopped) and another one opens it anew, later and later (exponential backoff).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Self

from edge_infer.errors import CameraError, CameraLostError, CameraTimeoutError, CameraUnavailableError
from edge_infer.webcam.camera.reader import Reader
from edge_infer.webcam.camera.rgb_frames import Pixels
from edge_infer.webcam.camera.sources import FrameSource
from edge_infer.webcam.defaults import RETRIES, TIMEOUT_S

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 8.0
_CLOSING_S = 1.0  # how long a reader may take to release its camera

CaptureState = Literal["live", "lost", "ended"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured frame.

    Attributes:
        number: From 0; frames that were dropped count.
        time_s: When it was taken, seconds from the first frame; of a file, its place in the video.
        captured_at: When it was taken, on the clock of `time.monotonic`, seconds.
        pixels_rgb: `uint8 [H, W, 3]`.
    """

    number: int
    time_s: float
    captured_at: float
    pixels_rgb: Pixels


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """What has happened so far.

    Attributes:
        captured: Frames that arrived.
        dropped: Of these, how many were never taken because a newer one came.
        bad: Frames that were no picture.
        faults: How often the source failed.
    """

    captured: int = 0
    dropped: int = 0
    bad: int = 0
    faults: int = 0


class Capture:
    """Reads a source in a thread of its own, from entering this context to leaving it.

    Args:
        open_source: Opens it; called in the thread, once a connection.
        name: What messages call it.
        every_frame: Drop nothing: read the next frame of a video when the last one was taken.
        timeout_s: Longest time without a new picture, and for opening.
        retries: How often in a row to open a lost camera again.

    Attributes:
        name: As given.
        every_frame: As given.
        counts: What has happened so far.
        is_live: Whether it is a camera or stream, which is watched and opened again, and not a video
            that plays at its own speed; known once it is open.
        frame_s: As in `FrameSource`; known once it is open.
    """

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        *,
        name: str,
        every_frame: bool = False,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
    ) -> None:
        self.name = name
        self.every_frame, self._open_source = every_frame, open_source
        self.counts = CaptureCounts()
        self.is_live = True
        self.frame_s = 0.0
        self._timeout_s, self._retries = timeout_s, retries
        self._failures = 0  # in a row
        self._retry_at: float | None = None
        self._first_frame_at: float | None = None
        self._newest: Frame | None = None
        self._is_lost = self._has_ended = False
        self._changed = threading.Condition()
        self._reader = self._new_reader()

    @property
    def state(self) -> CaptureState:
        """Whether frames come."""
        # Without a single picture it is a fault, which `next_frame` raises.
        if self._has_ended and self._newest is None and self._first_frame_at is not None:
            return "ended"
        return "lost" if self._is_lost else "live"

    def __enter__(self) -> Self:
        """Begin to open the source; `next_frame` says how that went."""
        self._reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Release the source. A reader that is stuck in it is left behind."""
        self._reader.leave()
        with self._changed:
            self._changed.notify_all()
        self._reader.join(_CLOSING_S)

    def next_frame(self, wait_s: float) -> Frame | None:
        """Return the newest frame that was not taken yet, waiting for it up to `wait_s`.

        Returns:
            None when there is none yet; `state` says whether to expect one.

        Raises:
            CameraError: The source cannot be opened, gives no picture, or was lost for good.
        """
        with self._changed:
            self._wait(lambda: self._newest is not None or self._has_ended, wait_s)
            if self._has_ended and self._first_frame_at is None:
                raise CameraUnavailableError(f"{self.name} holds no picture")
            frame, self._newest = self._newest, None
            self._changed.notify_all()  # a reader of every frame waits for this
        return frame

    def newest_since(self, moment: float, wait_s: float, is_enough: Callable[[], bool]) -> Frame | None:
        """Return the newest frame and leave it to be taken, waiting for one that was captured after a moment.

        Args:
            moment: On the clock of `time.monotonic`, seconds.
            wait_s: How long to wait.
            is_enough: Whether to wait no longer; asked again on `wake`.

        Raises:
            CameraError: As in `next_frame`.
        """

        def is_there() -> bool:
            return self._newest is not None and self._newest.captured_at > moment

        with self._changed:
            self._wait(lambda: is_there() or is_enough(), wait_s)
            return self._newest if is_there() else None

    def wake(self) -> None:
        """Let a waiting `newest_since` ask whether it is enough."""
        with self._changed:
            self._changed.notify_all()

    def _wait(self, is_over: Callable[[], bool], wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not is_over():
            self._keep_alive()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            self._changed.wait(min(remaining, 0.05))

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if self._retry_at is not None:
            if now >= self._retry_at:
                self._retry_at = None
                self._reader = self._new_reader()
                self._reader.start()
            return
        fault = self._fault()
        if fault is None:
            return
        self._reader.leave()
        if not self.is_live or self._first_frame_at is None:
            raise fault
        self._is_lost = True
        self.counts = replace(self.counts, faults=self.counts.faults + 1)
        if self._failures == self._retries:
            raise CameraLostError(f"{self.name} was lost and did not come back in {self._retries} tries: {fault}")
        self._retry_at = now + min(FIRST_RETRY_S * 2**self._failures, LAST_RETRY_S)
        self._failures += 1

    def _new_reader(self) -> Reader:
        return Reader(self, self._open_source, self.name, at_own_speed=not self.every_frame)

    def _fault(self) -> CameraError | None:
        """Return what is wrong with the reader, if anything."""
        reader = self._reader
        if reader.error is not None:
            return reader.error
        if time.monotonic() - reader.changed_at <= self._timeout_s or (reader.is_open and not self.is_live):
            return None
        if not reader.is_open:
            return CameraTimeoutError(f"{self.name} did not open within {self._timeout_s:g} s (--timeout)")
        what = "only the same picture" if reader.repeats else "no picture"
        return CameraTimeoutError(f"{self.name} gave {what} for {self._timeout_s:g} s (--timeout)")

    # Called by the reader, in its thread.

    def opened(self, source: FrameSource) -> None:
        """Note what kind of source it is."""
        self.is_live, self.frame_s = source.is_live, source.frame_s

    def deliver(self, reader: Reader, pixels: Pixels, time_s: float | None) -> None:
        """Take in a frame; what a reader that was left behind still brings is ignored.

        Args:
            reader: Whose frame it is.
            pixels: The frame.
            time_s: As in `FrameSource`.
        """
        with self._changed:
            if reader.is_left:
                return
            now = time.monotonic()
            if self._first_frame_at is None:
                self._first_frame_at = now
            number = self.counts.captured
            is_dropped = self._newest is not None
            self.counts = replace(self.counts, captured=number + 1, dropped=self.counts.dropped + is_dropped)
            time_s = now - self._first_frame_at if time_s is None else time_s
            self._newest = Frame(number, time_s, now, pixels)
            self._is_lost = False
            # Not from the first picture on: a frozen camera gives one whenever it is opened.
            if reader.pictures > 1:
                self._failures = 0
            self._changed.notify_all()
            # A video begins to play when its first frame is taken.
            waits = self.every_frame or (number == 0 and not self.is_live)
            while waits and self._newest is not None and not reader.is_left:
                self._changed.wait()

    def count_bad_frame(self) -> None:
        """Count a frame that was no picture."""
        with self._changed:
            self.counts = replace(self.counts, bad=self.counts.bad + 1)

    def end(self, reader: Reader) -> None:
        """The video is over."""
        with self._changed:
            if not reader.is_left:
                self._has_ended = True
            self._changed.notify_all()
