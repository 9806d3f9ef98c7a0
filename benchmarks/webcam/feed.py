"""A live feed to be measured: a filmed camera, displays that take notes, viewers in other processes."""

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import SimpleQueue
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer import Prediction
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.camera.capture import Capture
from edge_infer.webcam.camera.rgb_frames import Pixels
from edge_infer.webcam.camera.sources import FrameSource, SourceOptions, find_source, open_source
from edge_infer.webcam.live import Display, LiveFeed, LiveOptions
from edge_infer.webcam.opencv import load_cv2
from edge_infer.webcam.page.server import LiveServer
from edge_infer.webcam.view import Command, View

SIZE = (640, 480)
FPS = 30
WARM_UP_S = 2.0
_CLIP_FRAMES = 150


class FilmedCamera:
    """A video file that is read like a camera: `read` returns when the next frame is due."""

    is_live, frame_s, time_s = True, 0.0, None

    def __init__(self, path: Path) -> None:
        self._video: FrameSource = open_source(find_source(str(path)), SourceOptions(loop=True))
        self._due = time.monotonic()

    def read(self) -> Pixels | None:
        """Return the next frame when it is due."""
        self._due = max(self._due + 1 / FPS, time.monotonic() - 1 / FPS)
        time.sleep(max(0.0, self._due - time.monotonic()))
        return self._video.read()

    def release(self) -> None:
        """Close the file."""
        self._video.release()


class Watcher:
    """A display that notes when it was shown which frame, and which answer."""

    def __init__(self) -> None:
        self._frames: list[tuple[float, float]] = []
        self._answers: list[tuple[float, float, float]] = []
        self._answered = 0

    def show(self, view: View) -> None:
        """Take a view."""
        now, status = time.monotonic(), view.status
        if not self._frames or self._frames[-1][1] != view.captured_at:
            self._frames.append((now, view.captured_at))
        if status.answered != self._answered:
            self._answered = status.answered
            self._answers.append((now, status.latency_ms, status.answer_ms))

    def figures(self) -> dict[str, float]:
        """Return speed, latency and age of what was shown, warm-up left out, times in milliseconds."""
        begin = (self._frames[0][0] if self._frames else 0.0) + WARM_UP_S
        answers = np.array([answer for answer in self._answers if answer[0] >= begin])
        frames = np.array([frame for frame in self._frames if frame[0] >= begin])
        if min(len(answers), len(frames)) < 3:
            raise click.UsageError("too few frames: give more --seconds")
        (answered_at, latency_ms, answer_ms), (shown_at, captured_at) = answers.T, frames.T
        last_age_ms = (shown_at[1:] - captured_at[:-1]) * 1e3  # just before the next one replaces it
        return {
            "fps": _per_second(answered_at),
            "shown_fps": _per_second(shown_at),
            **{f"latency_ms_p{q}": round(float(np.percentile(latency_ms, q)), 2) for q in (50, 95, 99)},
            "model_ms_p50": round(statistics.median(answer_ms), 2),
            "oldest_when_shown_ms": round(float((shown_at - captured_at).max()) * 1e3, 1),
            "oldest_until_replaced_ms": round(float(last_age_ms.max()), 1),
        }


class Sampler:
    """A display that only calls a function, and so needs no memory of its own."""

    def __init__(self, on_view: Callable[[View], None]) -> None:
        self.show = on_view


class Slowed:
    """A classifier that takes so many seconds."""

    def __init__(self, classifier: VideoClassifier, seconds: float) -> None:
        self._classifier, self._seconds = classifier, seconds

    def answer(self, image_rgb: Image.Image, time_s: float) -> Prediction:
        """Answer late."""
        began = time.monotonic()
        answer = self._classifier.answer(image_rgb, time_s)
        time.sleep(max(0.0, began + self._seconds - time.monotonic()))
        return answer


class NoModel:
    """Answers at once with what a model said once: what remains is the loop's own cost."""

    def __init__(self, classifier: VideoClassifier, image_rgb: Image.Image) -> None:
        self._answer = classifier.answer(image_rgb, 0.0)

    def answer(self, image_rgb: Image.Image, time_s: float) -> Prediction:
        """Answer at once."""
        del image_rgb, time_s
        return self._answer


def write_clip(path: Path) -> Path:
    """Write the source: a drawn face moves to and fro over a soft background."""
    cv2 = load_cv2()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for i in range(_CLIP_FRAMES):
        sway = np.sin(2 * np.pi * i / _CLIP_FRAMES)
        picture = picture_with_faces(SIZE, [(round(240 + 120 * sway), round(130 + 30 * sway), 170)])
        writer.write(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
    writer.release()
    return path


def run_feed(
    classifier: Any,  # noqa: ANN401  # anything with VideoClassifier.answer
    clip: Path,
    displays: list[Display],
    seconds: float,
    *,
    full_speed: bool = False,
    commands: "SimpleQueue[Command] | None" = None,
    options: LiveOptions | None = None,
) -> None:
    """Run a feed on the clip for so many seconds after the warm-up."""
    options = options or LiveOptions(seconds=seconds + WARM_UP_S)
    spec, again = find_source(str(clip)), SourceOptions(loop=True)
    opened = (lambda: open_source(spec, again)) if full_speed else (lambda: FilmedCamera(clip))
    with Capture(opened, name=clip.name, every_frame=full_speed) as capture:
        LiveFeed(capture, classifier, commands or SimpleQueue(), displays, options, source=clip.name).run()


def watch(url: str, count: int, reads: bool, stop: Event) -> None:
    """Be so many viewers of a page, in a process of its own, until told to stop."""
    address = urlsplit(url)
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(create_connection((address.hostname, address.port)))
            connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if reads:
                threading.Thread(target=_read_all, args=(connection,), daemon=True).start()
        stop.wait()


def _read_all(connection: Any) -> None:  # noqa: ANN401
    with suppress(OSError):
        while connection.recv(1 << 16):
            pass


@contextmanager
def watched_page(reading: int, silent: int = 0) -> Iterator[LiveServer]:
    """Serve a page to so many viewers that read and that do not."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    with closing(LiveServer("127.0.0.1", 0, lambda command: None)) as server:
        groups = [(count, reads) for count, reads in ((reading, True), (silent, False)) if count]
        processes = [spawn.Process(target=watch, args=(server.url, *group, stop)) for group in groups]
        for process in processes:
            process.start()
        while _viewers(server) < reading + silent:
            time.sleep(0.05)
        try:
            yield server
        finally:
            stop.set()
            for process in processes:
                process.join()


def _per_second(moments: npt.NDArray[np.float64]) -> float:
    return round((len(moments) - 1) / float(np.ptp(moments)), 2)


def _viewers(server: LiveServer) -> int:
    return int(server.broadcast.state()["viewers"])
