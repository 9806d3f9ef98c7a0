"""The thread that reads a source: it opens it, passes on what arrives, and releases it."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from edge_infer.errors import BadFrameError, CameraError, CameraUnavailableError
from edge_infer.webcam.camera.rgb_frames import Pixels
from edge_infer.webcam.camera.sources import FrameSource

_NOTHING_READ_S = 0.01  # pause after a read that gave nothing, which may return at once


class Receiver(Protocol):
    """Takes what a reader brings; called in the reader's thread."""

    def opened(self, source: FrameSource) -> None:
        """Note that the source is open."""

    def deliver(self, reader: "Reader", pixels: Pixels, time_s: float | None) -> None:
        """Take a frame."""

    def count_bad_frame(self) -> None:
        """Count a frame that was no picture."""

    def end(self, reader: "Reader") -> None:
        """Note that a video is over."""


class Reader(threading.Thread):
    """One connection to a source, from opening to release.

    Args:
        receiver: Takes what arrives.
        open_source: Opens the source; called in this thread.
        name: What messages call it.
        at_own_speed: Play a video by its own clock, not as fast as its frames are taken.

    Attributes:
        is_open: Whether the source is open.
        error: What ended it, if anything did.
        changed_at: When there was last something new, on the clock of `time.monotonic`, seconds.
        pictures: How many came that differ from the one before.
        repeats: How often the last one came again.
    """

    def __init__(
        self, receiver: Receiver, open_source: Callable[[], FrameSource], name: str, *, at_own_speed: bool
    ) -> None:
        super().__init__(name="edge-infer capture", daemon=True)  # a stuck one must not hold up the exit
        self._receiver, self._open_source, self._name, self._at_own_speed = receiver, open_source, name, at_own_speed
        self._left = threading.Event()
        self.is_open = False
        self.error: CameraError | None = None
        self.changed_at = time.monotonic()
        self._began_at: float | None = None  # when a video began to play
        self.pictures = self.repeats = 0

    @property
    def is_left(self) -> bool:
        """Whether what it still brings is of no account."""
        return self._left.is_set()

    def leave(self) -> None:
        """Ask it to end; one that is stuck in a driver cannot be stopped."""
        self._left.set()

    def run(self) -> None:
        """Read until the source ends, fails, or is left."""
        try:
            source = self._open_source()
        except CameraError as error:
            self.error = error
            return
        except Exception as error:  # whatever a driver's binding throws
            self.error = CameraUnavailableError(f"{self._name} cannot be opened: {error}")
            return
        try:
            self._receiver.opened(source)
            self.changed_at = time.monotonic()  # from now on it has its time for the first picture
            self.is_open = True
            self._read_all(source)
        except Exception as error:
            self.error = CameraUnavailableError(f"{self._name} cannot be read: {error}")
        finally:
            source.release()

    def _read_all(self, source: FrameSource) -> None:
        last: Pixels | None = None
        while not self.is_left:
            try:
                pixels = source.read()
            except BadFrameError:
                self._receiver.count_bad_frame()
                self._left.wait(_NOTHING_READ_S)
                continue
            if pixels is None:
                if not source.is_live:
                    self._play_until((source.time_s or 0) + source.frame_s)
                    self._receiver.end(self)
                    return
                self._left.wait(_NOTHING_READ_S)
                continue
            if last is not None and np.array_equal(pixels, last):
                self.repeats += 1
            else:
                self.pictures, self.repeats, self.changed_at = self.pictures + 1, 0, time.monotonic()
            last = pixels
            self._play_until(source.time_s)
            self._receiver.deliver(self, pixels, source.time_s)
            if self._began_at is None:
                self._began_at = time.monotonic() - (source.time_s or 0)

    def _play_until(self, time_s: float | None) -> None:
        """Wait for a place in a video that plays at its own speed."""
        if time_s is not None and self._began_at is not None and self._at_own_speed:
            self._left.wait(max(0.0, self._began_at + time_s - time.monotonic()))
