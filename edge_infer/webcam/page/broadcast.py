"""The newest view, for any number of viewers that take it at their own pace."""

import threading
from io import BytesIO
from typing import Any

from edge_infer.webcam.view import View

MAX_VIEWERS = 32
_JPEG_QUALITY = 80
_TOP = 5  # classes in the state


class Broadcast:
    """Hands the newest view to viewers in other threads; the one that shows it never waits for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: _Shown | None = None
        self._is_closed = False
        self._viewers = 0

    def show(self, view: View) -> None:
        """Replace the newest view."""
        with self._changed:
            self._newest = _Shown(view, 1 if self._newest is None else self._newest.number + 1)
            self._changed.notify_all()

    def close(self) -> None:
        """End every wait."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def admit(self) -> bool:
        """Take in a viewer, if there is room for one more."""
        with self._changed:
            has_room = self._viewers < MAX_VIEWERS
            self._viewers += has_room
        return has_room

    def dismiss(self) -> None:
        """Count a viewer that has gone."""
        with self._changed:
            self._viewers -= 1

    def next_jpeg(self, after: int) -> tuple[int, bytes] | None:
        """Wait for a view newer than number `after`.

        Returns:
            The newest one's number and picture as JPEG; None when it was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or (self._newest and self._newest.number > after))
            shown = self._newest
        return None if self._is_closed or shown is None else (shown.number, shown.jpeg())

    def state(self) -> dict[str, Any]:
        """Return what there is to know beside the picture, ready for JSON."""
        with self._changed:
            shown, viewers = self._newest, self._viewers
        if shown is None:
            return {"state": "starting", "viewers": viewers}
        status = shown.view.status
        return {
            "source": status.source,
            "state": status.state,
            "turn": status.turn,
            "fps": status.fps,
            "latency_ms": status.latency_ms,
            "answer_ms": status.answer_ms,
            "latencies_ms": status.latencies_ms,
            "answered": status.answered,
            "captured": status.counts.captured,
            "dropped": status.counts.dropped,
            "bad_frames": status.counts.bad,
            "faults": status.counts.faults,
            "map": status.has_map,
            "recording": status.recording,
            "snapshot": status.snapshot,
            "trouble": status.trouble,
            "viewers": viewers,
            "min_known": shown.view.prediction.min_known,
            "shows_subject": shown.view.prediction.shows_subject,
            "answer": shown.view.prediction.to_record(_TOP),
        }


class _Shown:
    """A view and its number; encoded once, by the first viewer that wants it."""

    def __init__(self, view: View, number: int) -> None:
        self.view, self.number = view, number
        self._lock = threading.Lock()
        self._jpeg: bytes | None = None

    def jpeg(self) -> bytes:
        with self._lock:
            if self._jpeg is None:
                encoded = BytesIO()
                self.view.image_rgb.save(encoded, "JPEG", quality=_JPEG_QUALITY)
                self._jpeg = encoded.getvalue()
            return self._jpeg
