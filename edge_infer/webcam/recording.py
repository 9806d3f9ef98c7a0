"""Record drawn frames as a video, and keep single ones as pictures."""

import time
from pathlib import Path

import numpy as np
from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.pictures.jpeg_files import write_jpeg
from edge_infer.webcam.opencv import load_cv2

# Encoders that every OpenCV wheel has; H.264 is in none.
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
RECORDING_FPS = 30.0
_MAX_GAP_S = 1.0  # a longer one, such as a lost camera, is cut out
_SNAPSHOT_QUALITY = 90


class Recorder:
    """A video file that runs as fast as what it shows, however irregularly frames come.

    Args:
        path: `.mp4` or `.avi`.
        size: Width and height of its frames, pixels; frames of another size are scaled.
        fps: Frames per second of the file; frames are repeated or left out to keep time.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float = RECORDING_FPS) -> None:
        cv2 = load_cv2()
        self.path = path
        self._size, self._fps = size, fps
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODECS[path.suffix.lower()]), fps, size)
        if not self._writer.isOpened():
            raise OutputError(f"{path} cannot be recorded: its folder is missing or not writable")
        self._begin_s: float | None = None
        self._written = 0

    def write(self, image_rgb: Image.Image, time_s: float) -> None:
        """Add a frame, shown from `time_s` on."""
        if self._begin_s is None:
            self._begin_s = time_s
        due = round((time_s - self._begin_s) * self._fps) + 1 - self._written
        if due > _MAX_GAP_S * self._fps:
            self._begin_s += (due - 1) / self._fps
            due = 1
        if due < 1:
            return
        fitted = image_rgb if image_rgb.size == self._size else image_rgb.resize(self._size)
        bgr = np.ascontiguousarray(np.asarray(fitted)[:, :, ::-1])
        for _ in range(due):
            self._writer.write(bgr)
        self._written += due

    def close(self) -> None:
        """Finish the file; without this it cannot be played."""
        self._writer.release()


def save_snapshot(folder: Path, image_rgb: Image.Image) -> Path:
    """Write a frame as a JPEG named by the time, and return the path.

    Raises:
        OutputError: It cannot be written.
    """
    path = path_in(folder, f"{time_name()}.jpg")
    write_jpeg(path, image_rgb, quality=_SNAPSHOT_QUALITY)
    return path


def time_name() -> str:
    """Return a file name for now, without a suffix, such as `webcam-20260131-235959`."""
    return time.strftime("webcam-%Y%m%d-%H%M%S")


def path_in(folder: Path, name: str) -> Path:
    """Return a free path in a folder, which is made if it does not exist.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder / name} cannot be written: {error.strerror}") from error
    return free_path(folder / name)


def free_path(path: Path) -> Path:
    """Return the path itself, or with the first number that makes it new: nothing is ever replaced.

    Raises:
        OutputError: Nothing can be at such a path, nor can it be looked at.
    """
    free, number = path, 1
    try:
        while free.exists():
            number += 1
            free = path.with_stem(f"{path.stem}-{number}")
    except OSError as error:
        raise OutputError(f"{free} cannot be written: {error.strerror}") from error
    return free
