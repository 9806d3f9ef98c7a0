"""Where frames come from: a camera, a video file, a network stream or a folder of pictures."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

import numpy as np

from edge_infer.errors import BadFrameError, CameraNotFoundError, CameraPermissionError, InputError
from edge_infer.pictures.finding.folders import look_through, summarize
from edge_infer.pictures.loading import load_rgb
from edge_infer.webcam.camera.devices import (
    camera_index,
    camera_trouble,
    check_device,
    native_backend,
    no_camera,
)
from edge_infer.webcam.camera.rgb_frames import Pixels
from edge_infer.webcam.camera.videos import DEFAULT_FPS, LiveVideo, open_stream, open_video
from edge_infer.webcam.defaults import TIMEOUT_S
from edge_infer.webcam.opencv import load_cv2

SourceKind = Literal["camera", "video", "stream", "folder"]


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What was asked for.

    Attributes:
        kind: What it is.
        address: Camera number, path or URL.
        name: What records call it: as it was written, without what may be a password.
    """

    kind: SourceKind
    address: str
    name: str

    @property
    def title(self) -> str:
        """What messages call it, such as `camera 0`."""
        return f"camera {self.address}" if self.kind == "camera" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How to open it.

    Attributes:
        width: Columns to ask a camera for, pixels; None for its own choice, as below.
        height: Rows to ask a camera for, pixels.
        fps: Frames per second to ask a camera for, or to play a video or folder at.
        timeout_s: How long a stream may take to open or to send the next frame.
        loop: Begin a video or folder again when it ends.
    """

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    timeout_s: float = TIMEOUT_S
    loop: bool = False


class FrameSource(Protocol):
    """An open source. Used by one thread."""

    @property
    def is_live(self) -> bool:
        """Whether its pictures come on their own, so that it can freeze, and come back."""

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next at its own speed, on average; 0 if it is live."""

    @property
    def time_s(self) -> float | None:
        """The last frame's place in the video, seconds; None if it is live."""

    def read(self) -> Pixels | None:
        """Return the next frame, `uint8 [H, W, 3]` RGB; None when there is none (any more).

        Raises:
            BadFrameError: It is not a picture.
        """

    def release(self) -> None:
        """Close it."""


def find_source(text: str) -> SourceSpec:
    """Say what a source is by how it is written: a number, a device, a URL, a folder, a file.

    Raises:
        CameraNotFoundError: None of these.
        CameraPermissionError: A folder or file that this user may not read.
    """
    index = camera_index(text)
    if index is not None:
        return SourceSpec("camera", str(index), text)
    if "://" in text and not text.startswith("file:"):
        return SourceSpec("stream", text, _without_password(text))
    path = _local_path(text) if text.startswith("file:") else text
    try:
        kind = _kind_of_path(path)
    except OSError as error:
        problem = CameraPermissionError if isinstance(error, PermissionError) else CameraNotFoundError
        raise problem(f"{text} cannot be read: {error.strerror}") from error
    if kind is not None:
        return SourceSpec(kind, path, text)
    if text.startswith("/dev/") and not os.path.lexists(text):
        raise no_camera(text)
    raise CameraNotFoundError(f"{text!r} is neither a camera number nor a video, folder or URL that exists")


def open_source(spec: SourceSpec, options: SourceOptions) -> FrameSource:
    """Open a source.

    Raises:
        CameraError: It cannot be opened.
    """
    match spec.kind:
        case "camera":
            return _open_camera(spec, options)
        case "stream":
            return open_stream(spec.address, spec.name, options.timeout_s)
        case "video":
            return open_video(spec.address, spec.name, fps=options.fps, loop=options.loop)
        case "folder":
            return _FolderSource(spec.address, options)


def _kind_of_path(text: str) -> Literal["video", "folder"] | None:
    """Say what is at a path, None for nothing that frames could be read from.

    Raises:
        OSError: It cannot be looked at.
    """
    path = Path(text)
    if not text or not (path.is_dir() or path.is_file()):
        return None
    needed = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
    if not os.access(path, needed):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return "folder" if path.is_dir() else "video"


def _open_camera(spec: SourceSpec, options: SourceOptions) -> FrameSource:
    cv2 = load_cv2()
    index = camera_index(spec.name)  # a link may lead elsewhere after the camera was plugged in again
    if index is None:
        raise no_camera(spec.name)
    check_device(index)
    capture = cv2.VideoCapture(index, native_backend(cv2))
    if not capture.isOpened():
        raise camera_trouble(index)
    wanted = {
        cv2.CAP_PROP_FRAME_WIDTH: options.width,
        cv2.CAP_PROP_FRAME_HEIGHT: options.height,
        cv2.CAP_PROP_FPS: options.fps,
    }
    if any(wanted.values()):
        # Uncompressed, USB 2 carries little more than 640x480 at 30 frames per second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    for setting, value in wanted.items():
        if value is not None:
            capture.set(setting, value)
    return LiveVideo(capture)


class _FolderSource:
    """Pictures by name, frame 2 before frame 10, as a camera would have given them."""

    is_live = False

    def __init__(self, folder: str, options: SourceOptions) -> None:
        self.frame_s = 1 / (options.fps or DEFAULT_FPS)
        self.time_s: float | None = None
        content = look_through(folder)
        self._paths: Sequence[str] = content.images
        self._next, self._loop, self._has_given = 0, options.loop, False
        if not self._paths:
            reasons = "".join(f"; {line}" for line in summarize(content.left_out))
            raise CameraNotFoundError(f"folder {folder} holds no pictures{reasons}")

    def read(self) -> Pixels | None:
        if self._next == len(self._paths):
            if not self._loop or not self._has_given:  # a round of damaged files would be followed by another
                return None
            self._next = 0
        self._next += 1
        try:
            pixels = np.asarray(load_rgb(self._paths[self._next - 1]))
        except InputError as error:
            raise BadFrameError(str(error)) from error
        self._has_given = True
        self.time_s = 0.0 if self.time_s is None else self.time_s + self.frame_s
        return pixels

    def release(self) -> None:
        """Nothing is open between two frames."""


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise CameraNotFoundError(f"{url!r} is not a URL") from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _local_path(url: str) -> str:
    """Return the path that a `file:` URL names, its escapes resolved unless a file is called so."""
    path = url.removeprefix("file:").removeprefix("//")
    if path.startswith("localhost/"):
        path = path.removeprefix("localhost")
    return path if os.path.lexists(path) else unquote(path)
