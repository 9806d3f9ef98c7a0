"""The cameras of this machine: which there are, and why one cannot be opened."""

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from edge_infer.errors import CameraError, CameraNotFoundError, CameraPermissionError, CameraUnavailableError
from edge_infer.webcam.opencv import load_cv2

DEVICES = Path("/dev")
DEVICE_NAMES = Path("/sys/class/video4linux")
_TRIED_INDEXES = range(6)  # where the system does not list its cameras
_DEVICE = re.compile(r"(?:/dev/video)?(\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that can be opened.

    Attributes:
        index: Its number, for `--source`.
        name: What the system calls it; empty if unknown.
        width: Columns it gives by default, pixels.
        height: Rows, pixels.
        fps: Frames per second; 0 if it does not say.
    """

    index: int
    name: str
    width: int
    height: int
    fps: float


def camera_index(text: str) -> int | None:
    """Return the number of a camera, None for anything else.

    Args:
        text: `0`, `/dev/video0`, or a link to that, such as udev's in `/dev/v4l/by-id`.
    """
    match = _DEVICE.fullmatch(text)
    if match is None and os.path.lexists(text):
        match = _DEVICE.fullmatch(os.path.realpath(text))
    return int(match[1]) if match else None


def list_cameras() -> Iterator[CameraInfo]:
    """Yield the cameras that can be opened.

    Raises:
        OpenCVError: As in `load_cv2`.
    """
    cv2 = load_cv2()
    for index in _device_indexes() if _has_devices() else _TRIED_INDEXES:
        capture = cv2.VideoCapture(index, native_backend(cv2))
        try:
            if capture.isOpened():
                width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
                fps = capture.get(cv2.CAP_PROP_FPS)
                yield CameraInfo(index, _device_name(index), int(width), int(height), max(0.0, fps))
        finally:
            capture.release()


def native_backend(cv2: ModuleType) -> int:
    """Return the system's own way to cameras: what OpenCV would try first may take half a minute."""
    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    return int(backends.get(sys.platform, cv2.CAP_ANY))


def ask_for_permission(index: int) -> None:
    """Let macOS ask the user, once, whether this program may use cameras: it does so for the main thread only."""
    if sys.platform == "darwin":
        cv2 = load_cv2()
        cv2.VideoCapture(index, native_backend(cv2)).release()


def check_device(index: int) -> None:
    """See before opening what the system can tell at once.

    Raises:
        CameraNotFoundError: There is no such camera.
        CameraPermissionError: This user may not use it.
    """
    if not _has_devices():
        return
    device = DEVICES / f"video{index}"
    if not device.exists():
        raise no_camera(f"{index} ({device} does not exist)")
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraPermissionError(
            f"this user may not use camera {index} ({device}): `sudo usermod -aG video $USER`, then log in again"
        )


def no_camera(name: str) -> CameraNotFoundError:
    """Return that there is no such camera."""
    return CameraNotFoundError(f"there is no camera {name}; `edge-infer webcam --list` shows the cameras")


def camera_trouble(index: int) -> CameraError:
    """Return why a camera that seems to be there cannot be opened."""
    if _has_devices():
        device = DEVICES / f"video{index}"
        return CameraUnavailableError(
            f"camera {index} cannot be opened: another program may use it (`fuser -v {device}` names it), "
            "or it gives no pictures (`edge-infer webcam --list` shows those that do)"
        )
    return CameraUnavailableError(
        f"camera {index} cannot be opened: it is not connected, another program uses it, "
        "or the system's privacy settings forbid it"
    )


def _has_devices() -> bool:
    return sys.platform == "linux"


def _device_indexes() -> list[int]:
    indexes = (camera_index(f"/dev/{path.name}") for path in DEVICES.glob("video*"))
    return sorted(index for index in indexes if index is not None)


def _device_name(index: int) -> str:
    try:
        return (DEVICE_NAMES / f"video{index}" / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
