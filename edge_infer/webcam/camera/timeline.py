"""When the frames of a video are to be shown: by the file's own time stamps, as far as they make sense."""

import math

_LONGEST_GAP_S = 60.0  # believed in a video that does not say how long it is


class Timeline:
    """Turns the time stamps of a video into times that never go back.

    Args:
        frame_s: Seconds from a frame to the next where a stamp is missing or makes no sense.
        duration_s: Of the video, which no stamp exceeds; None if it does not say.
    """

    def __init__(self, frame_s: float, duration_s: float | None = None) -> None:
        self._frame_s, self._duration_s = frame_s, duration_s
        self._offset_s = 0.0  # of stamps that began anew
        self._last_s: float | None = None

    def place(self, stamp_s: float | None) -> float:
        """Return when the next frame is to be shown, seconds; never earlier than the one before.

        Args:
            stamp_s: Its time stamp; None if there is none.
        """
        last_s = self._last_s
        if stamp_s is None or not math.isfinite(stamp_s):
            time_s = 0.0 if last_s is None else last_s + self._frame_s
        elif last_s is None:
            time_s = max(0.0, stamp_s)
        else:
            time_s = stamp_s + self._offset_s
            limit_s = last_s + _LONGEST_GAP_S if self._duration_s is None else self._offset_s + self._duration_s + 1
            if time_s > limit_s or time_s < last_s - 1:  # a splice, such as a recorder that was started again
                time_s = last_s + self._frame_s
                self._offset_s = time_s - stamp_s
        self._last_s = time_s if last_s is None else max(time_s, last_s)
        return self._last_s

    def begin_again(self) -> None:
        """Let the next stamp, the first of another round, follow the last one."""
        if self._last_s is not None:
            self._offset_s = self._last_s + self._frame_s
