"""Record drawn frames as a video, and keep single ones as pictures."""

import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.jpeg_files import write_jpeg
from edge_infer.webcam.disk_room import DiskRoom
from edge_infer.webcam.opencv import load_cv2

# Encoders that every OpenCV wheel has; H.264 is in none.
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
RECORDING_FPS = 30.0
MAX_GAP_S = 1.0  # of a camera; a longer one, such as a lost camera, is cut out
VIDEO_MAX_GAP_S = 10.0  # of a video, whose frames may be shown for long
# Kept free for what the writer holds back, and for the index that it ends the file with.
_RESERVE_BYTES, _INDEX_BYTES_PER_FRAME = 512 << 10, 32
_SNAPSHOT_QUALITY = 90


class Recorder:
    """A video file that runs as fast as what it shows, however irregularly frames come.

    It is finished while there is still room for its end, so that it can be played.

    Args:
        path: `.mp4` or `.avi`.
        size: Width and height of its frames, pixels; frames of another size are fitted into it.
        fps: Frames per second of the file; frames are repeated or left out to keep time.
        max_gap_s: A longer time between two frames is cut out.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float = RECORDING_FPS, max_gap_s: float = MAX_GAP_S
    ) -> None:
        cv2 = load_cv2()
        self.path = path
        self._size, self._fps, self._max_gap_s = size, fps, max_gap_s
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODECS[path.suffix.lower()]), fps, size)
        if not self._writer.isOpened():
            raise OutputError(f"{path} cannot be recorded: its folder is missing or not writable")
        self._begin_s: float | None = None
        self._is_cut = False
        self._written = 0
        self._room = DiskRoom(path)
        if (shortage := self._shortage()) is not None:
            self._writer.release()
            path.unlink(missing_ok=True)
            raise OutputError(f"{path} cannot be recorded: {shortage}")

    def write(self, image_rgb: Image.Image, time_s: float) -> None:
        """Add a frame, shown from `time_s` on.

        Raises:
            OutputError: There is no room for it, or the file has gone. The recording is finished before.
        """
        if self._begin_s is None:
            self._begin_s = time_s
        due = round((time_s - self._begin_s) * self._fps) + 1 - self._written
        if due > self._max_gap_s * self._fps or (self._is_cut and due > 1):
            self._begin_s += (due - 1) / self._fps
            due = 1
        self._is_cut = False
        if due < 1:
            return
        fitted = image_rgb if image_rgb.size == self._size else ImageOps.pad(image_rgb, self._size)
        bgr = np.ascontiguousarray(np.asarray(fitted)[:, :, ::-1])
        for _ in range(due):
            if (shortage := self._shortage()) is not None:
                self.close()
                raise OutputError(f"{self.path} ends after {self._written / self._fps:.1f} s: {shortage}")
            self._writer.write(bgr)
            self._written += 1

    def cut(self) -> None:
        """Let the next frame follow the last one, whenever it comes."""
        self._is_cut = True

    def close(self) -> None:
        """Finish the file; without this it cannot be played.

        Raises:
            OutputError: It is not whole.
        """
        cv2 = load_cv2()
        self._writer.release()
        finished = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        frames = finished.get(cv2.CAP_PROP_FRAME_COUNT)
        finished.release()
        if frames < self._written:
            raise OutputError(f"{self.path} is not whole: its disk is full, or it was removed")

    def _shortage(self) -> str | None:
        width, height = self._size
        frame_bytes = 3 * width * height  # as much as no codec needs
        reserve = _RESERVE_BYTES + frame_bytes + _INDEX_BYTES_PER_FRAME * self._written
        try:
            return self._room.shortage(reserve)
        except OSError as error:
            self._writer.release()
            raise OutputError(f"{self.path} cannot be written any more: {error.strerror}") from error


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
