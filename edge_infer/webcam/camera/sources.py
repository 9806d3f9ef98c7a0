"""Where frames come from: a camera, a video file, a network stream or a folder of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import numpy as np

from edge_infer.errors import BadFrameError, CameraNotFoundError, CameraUnavailableError, InputError
from edge_infer.pictures.folders import find_images
from edge_infer.pictures.loading import load_rgb
from edge_infer.webcam.camera.devices import camera_index, camera_trouble, check_device, native_backend
from edge_infer.webcam.camera.rgb_frames import Pixels, to_rgb
from edge_infer.webcam.defaults import TIMEOUT_S
from edge_infer.webcam.opencv import load_cv2

SourceKind = Literal["camera", "video", "stream", "folder"]
DEFAULT_FPS = 30.0  # of a folder, and of a video that does not say


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

    @property
    def is_live(self) -> bool:
        """Whether its pictures come on their own, so that it can freeze, and come back."""
        return self.kind in ("camera", "stream")


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
    def frame_s(self) -> float:
        """Seconds from one frame to the next at its own speed; 0 if it keeps the time itself."""

    def read(self) -> Pixels | None:
        """Return the next frame, `uint8 [H, W, 3]` RGB; None when there is none (any more).

        Raises:
            BadFrameError: It is no picture.
        """

    def release(self) -> None:
        """Close it."""


def find_source(text: str) -> SourceSpec:
    """Say what a source is by how it is written: a number, a device, a URL, a folder, a file.

    Raises:
        CameraNotFoundError: None of these.
    """
    index = camera_index(text)
    if index is not None:
        return SourceSpec("camera", str(index), text)
    if "://" in text:
        return SourceSpec("stream", text, _without_password(text))
    path = Path(text)
    if text and path.is_dir():
        return SourceSpec("folder", text, text)
    if path.is_file():
        return SourceSpec("video", text, text)
    raise CameraNotFoundError(f"{text!r} is no camera number, and no video, folder or URL that exists")


def open_source(spec: SourceSpec, options: SourceOptions) -> FrameSource:
    """Open a source.

    Raises:
        CameraError: It cannot be opened.
    """
    match spec.kind:
        case "camera":
            return _open_camera(spec, options)
        case "stream":
            return _open_stream(spec, options)
        case "video":
            return _VideoFile(spec.address, options)
        case "folder":
            return _FolderSource(spec.address, options)


def _open_camera(spec: SourceSpec, options: SourceOptions) -> FrameSource:
    cv2, index = load_cv2(), int(spec.address)
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
    return _LiveVideo(capture)


def _open_stream(spec: SourceSpec, options: SourceOptions) -> FrameSource:
    cv2 = load_cv2()
    timeout_ms = round(options.timeout_s * 1000)
    # The timeouts count only when FFmpeg is named; decoding in several threads adds a delay of as many frames.
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    capture = cv2.VideoCapture(spec.address, cv2.CAP_FFMPEG, [*settings, cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise CameraUnavailableError(f"{spec.name} cannot be opened: not reachable, refused, or no video")
    return _LiveVideo(capture)


class _LiveVideo:
    """A camera or a stream."""

    frame_s = 0.0

    def __init__(self, capture: Any) -> None:  # noqa: ANN401  # cv2.VideoCapture
        self._capture = capture

    def read(self) -> Pixels | None:
        return _read(self._capture)

    def release(self) -> None:
        self._capture.release()


class _VideoFile:
    def __init__(self, path: str, options: SourceOptions) -> None:
        self._path, self._loop = path, options.loop
        self._capture = self._open()
        recorded = self._capture.get(load_cv2().CAP_PROP_FPS)
        is_plausible = 0 < recorded < 1000  # some files hold anything
        self.frame_s = 1 / (options.fps or (recorded if is_plausible else DEFAULT_FPS))

    def read(self) -> Pixels | None:
        pixels = _read(self._capture)
        if pixels is None and self._loop:
            # Not every container can be wound back, but each can be opened again.
            self._capture.release()
            self._capture = self._open()
            pixels = _read(self._capture)
        return pixels

    def release(self) -> None:
        self._capture.release()

    def _open(self) -> Any:  # noqa: ANN401
        cv2 = load_cv2()
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened():
            raise CameraUnavailableError(f"{self._path} is no video that OpenCV can read")
        return capture


class _FolderSource:
    """Pictures by name, as a camera would have given them."""

    def __init__(self, folder: str, options: SourceOptions) -> None:
        self.frame_s = 1 / (options.fps or DEFAULT_FPS)
        self._paths: Sequence[str] = find_images(folder)
        self._next, self._loop, self._has_given = 0, options.loop, False
        if not self._paths:
            raise CameraNotFoundError(f"folder {folder} holds no pictures")

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
        return pixels

    def release(self) -> None:
        """Nothing is open between two frames."""


def _read(capture: Any) -> Pixels | None:  # noqa: ANN401
    try:
        has_frame, frame = capture.read()
    except load_cv2().error as error:
        raise BadFrameError("OpenCV could not decode a frame") from error
    return to_rgb(frame) if has_frame else None


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise CameraNotFoundError(f"{url!r} is no URL") from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
