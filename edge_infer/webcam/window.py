"""The feed in a window, where there is a display."""

import os
import re
import subprocess
import sys

import numpy as np

from edge_infer.webcam.opencv import load_cv2
from edge_infer.webcam.view import Command, SendCommand, View

TITLE = "edge-infer"
KEYS: dict[str, Command] = {
    "q": "quit",
    "\x1b": "quit",
    "s": "snapshot",
    "r": "toggle-recording",
    "t": "turn",
    "e": "toggle-map",
    " ": "toggle-pause",
}
_PROBE_TIMEOUT_S = 20.0
_NO_WINDOWS = re.compile(r"GUI: +NONE\b")  # in what OpenCV says of its build


def has_display() -> bool:
    """Return whether a window can be opened.

    Asked of another process, since a graphics library without a display ends the process
    that asks, and a build of OpenCV without windows raises. A frozen program has no Python to
    ask: it would start itself again.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):  # OpenCV's windows know no Wayland
        return False
    if getattr(sys, "frozen", False):
        return _NO_WINDOWS.search(load_cv2().getBuildInformation()) is None
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow('probe', cv2.WINDOW_NORMAL)"]
    try:
        done = subprocess.run(probe, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False)  # noqa: S603  # fixed
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Window:
    """Shows views, and sends a command for each key; closing it quits.

    Args:
        send: Takes the commands.
    """

    def __init__(self, send: SendCommand) -> None:
        self._cv2, self._send = load_cv2(), send
        self._is_open = False

    def show(self, view: View) -> None:
        """Show a view."""
        cv2 = self._cv2
        if self._is_open and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            self._send("quit")
            return
        if not self._is_open:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(TITLE, *view.image_rgb.size)
            self._is_open = True
        cv2.imshow(TITLE, cv2.cvtColor(np.asarray(view.image_rgb), cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1)
        command = KEYS.get(chr(key & 0xFF).lower()) if key >= 0 else None
        if command is not None:
            self._send(command)

    def close(self) -> None:
        """Close the window."""
        self._cv2.destroyAllWindows()
