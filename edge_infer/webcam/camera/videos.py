"""Videos that OpenCV decodes: with an end, from a file or a server, or live."""

from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_infer.errors import BadFrameError, CameraLostError, CameraUnavailableError
from edge_infer.webcam.camera.codecs import codec_trouble, find_fourcc, fourcc_text
from edge_infer.webcam.camera.rgb_frames import Pixels, to_rgb
from edge_infer.webcam.camera.timeline import Timeline
from edge_infer.webcam.opencv import load_cv2

DEFAULT_FPS = 30.0  # of a folder, and of a video that does not say
_FILE_SUFFIXES = (".webm", ".mkv", ".mp4", ".m4v", ".mov", ".avi", ".ts")
_BROKEN_OFF_SHARE, _BROKEN_OFF_S = 0.1, 2.0  # short of its length, a video from a server was cut off


class LiveVideo:
    """A camera or a stream.

    Args:
        capture: OpenCV's, open.
    """

    is_live = True
    frame_s = 0.0
    time_s = None

    def __init__(self, capture: Any) -> None:  # noqa: ANN401  # cv2.VideoCapture
        self._capture = capture

    def read(self) -> Pixels | None:
        """Return the next frame, as in `FrameSource`."""
        return _read(self._capture)

    def release(self) -> None:
        """Close it."""
        self._capture.release()


class PlayedVideo:
    """A video with an end.

    Args:
        open_capture: Opens it; called again for another round.
        name: What messages call it.
        fps: Frames per second to play it at; None for its own time stamps.
        loop: Begin again when it ends.
        is_remote: From a server, which may fall silent.

    Raises:
        CameraUnavailableError: It holds no frame that OpenCV can decode.
    """

    is_live = False

    def __init__(
        self,
        open_capture: Callable[[], Any],
        *,
        name: str,
        fps: float | None = None,
        loop: bool = False,
        is_remote: bool = False,
    ) -> None:
        self._open, self._name, self._loop, self._is_remote = open_capture, name, loop, is_remote
        cv2, self._capture = load_cv2(), open_capture()
        recorded = self._capture.get(cv2.CAP_PROP_FPS)
        is_plausible = 0 < recorded < 1000  # some files hold anything, such as a browser's recordings
        own_fps = recorded if is_plausible else DEFAULT_FPS
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._duration_s = frames / recorded if frames > 0 and recorded > 0 else None
        self._has_stamps = fps is None
        self.frame_s = 1 / (fps or own_fps)
        self.time_s: float | None = None
        self._timeline = Timeline(self.frame_s, self._duration_s)
        self._ahead: Pixels | None = self._first_frame(frames)

    def read(self) -> Pixels | None:
        """Return the next frame, as in `FrameSource`."""
        pixels, self._ahead = self._ahead, None
        if pixels is None:
            pixels = _read(self._capture)
        if pixels is None and self._loop:
            # Not every container can be wound back, but each can be opened again.
            self._capture.release()
            self._capture = self._open()
            self._timeline.begin_again()
            pixels = _read(self._capture)
        if pixels is not None:
            self.time_s = self._timeline.place(self._stamp_s())
        elif self._is_remote:
            self._check_end()
        return pixels

    def release(self) -> None:
        """Close it."""
        self._capture.release()

    def _first_frame(self, frames: float) -> Pixels | None:
        try:
            first = _read(self._capture)
        except BadFrameError:  # the next may be one
            return None
        fourcc = fourcc_text(self._capture.get(load_cv2().CAP_PROP_FOURCC))
        if first is None and frames != 0 and fourcc:  # 0: it is empty; less: it does not say
            self._capture.release()
            raise CameraUnavailableError(codec_trouble(self._name, fourcc))
        return first

    def _stamp_s(self) -> float | None:
        stamp_ms: float = self._capture.get(load_cv2().CAP_PROP_POS_MSEC)
        # OpenCV says 0 where there is none.
        return stamp_ms / 1000 if self._has_stamps and (stamp_ms or self.time_s is None) else None

    def _check_end(self) -> None:
        if self._duration_s is None or self.time_s is None:
            return
        if self._duration_s - self.time_s > max(_BROKEN_OFF_S, _BROKEN_OFF_SHARE * self._duration_s):
            raise CameraLostError(f"it broke off after {self.time_s:.1f} of {self._duration_s:.1f} s")


def open_video(path: str, name: str, *, fps: float | None, loop: bool) -> PlayedVideo:
    """Open a video file.

    Args:
        path: The file.
        name: As in `PlayedVideo`.
        fps: As in `PlayedVideo`.
        loop: As in `PlayedVideo`.

    Raises:
        CameraUnavailableError: OpenCV cannot read it.
    """

    def open_capture() -> Any:  # noqa: ANN401
        cv2 = load_cv2()
        # Decoding in several threads adds a delay of as many frames.
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if capture.isOpened():
            return capture
        fourcc = find_fourcc(path)
        trouble = codec_trouble(name, fourcc) if fourcc else f"{name} is not a video that OpenCV can read"
        raise CameraUnavailableError(trouble)

    return PlayedVideo(open_capture, name=name, fps=fps, loop=loop)


def open_stream(url: str, name: str, timeout_s: float) -> LiveVideo | PlayedVideo:
    """Open what a URL leads to: a live stream, or a video that says how long it is, which ends.

    Args:
        url: The URL.
        name: What messages call it.
        timeout_s: How long it may take to open or to send the next frame.

    Raises:
        CameraUnavailableError: It cannot be opened.
    """
    cv2 = load_cv2()
    timeout_ms = round(timeout_s * 1000)
    # The timeouts count only when FFmpeg is named.
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, [*settings, cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise CameraUnavailableError(f"{name} cannot be opened: not reachable, refused, or no video")
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0 or _is_file_on_server(url, timeout_s):
        return PlayedVideo(lambda: capture, name=name, is_remote=True)
    return LiveVideo(capture)


def _is_file_on_server(url: str, timeout_s: float) -> bool:
    """Ask whether a URL that is called like a file leads to one: a browser's recording does not say how long it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or Path(parts.path).suffix.lower() not in _FILE_SUFFIXES:
        return False
    from urllib.request import Request, urlopen

    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        with urlopen(Request(address, method="HEAD"), timeout=timeout_s) as answer:  # noqa: S310  # http, as above
            return int(answer.headers.get("Content-Length", 0)) > 0
    except (OSError, ValueError, HTTPException):  # what cannot be asked is taken to be live
        return False


def _read(capture: Any) -> Pixels | None:  # noqa: ANN401
    try:
        has_frame, frame = capture.read()
    except load_cv2().error as error:
        raise BadFrameError("OpenCV could not decode a frame") from error
    return to_rgb(frame) if has_frame else None
