"""What is kept of a feed: recordings and snapshots, as they are asked for."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.webcam.camera.capture import Capture
from edge_infer.webcam.recording import (
    MAX_GAP_S,
    RECORDING_FPS,
    VIDEO_MAX_GAP_S,
    Recorder,
    free_path,
    path_in,
    save_snapshot,
    time_name,
)
from edge_infer.webcam.view import Command


class Keeper:
    """Records what is drawn, and takes snapshots of it.

    Args:
        capture: Where the frames come from.
        record: File to record to from the first frame on.
        folder: For snapshots, and for recordings that are asked for later.
        on_note: Called with a line on what was kept, or could not be.

    Attributes:
        snapshot: Name of the last one.
        trouble: What went wrong last.
    """

    def __init__(self, capture: Capture, record: Path | None, folder: Path, on_note: Callable[[str], None]) -> None:
        self._capture, self._record, self._folder, self._on_note = capture, record, folder, on_note
        self._recorder: Recorder | None = None
        self._must_last = record is not None  # the recording that was asked for from the start
        self._drawn_rgb: Image.Image | None = None
        self.snapshot: str | None = None
        self.trouble: str | None = None

    @property
    def recording(self) -> str | None:
        """Name of the file that is being recorded."""
        return None if self._recorder is None else self._recorder.path.name

    def take(self, drawn_rgb: Image.Image, time_s: float) -> None:
        """Take in a drawn frame.

        Raises:
            OutputError: The recording that was asked for from the start cannot be written, or not any more.
        """
        is_first, self._drawn_rgb = self._drawn_rgb is None, drawn_rgb
        if is_first and self._record is not None:
            self._start(self._record)
        if self._recorder is None:
            return
        try:
            self._recorder.write(drawn_rgb, time_s)
        except OutputError as error:
            self._recorder = None
            self._raise_or_say(error)

    def do(self, command: Command) -> None:
        """Follow a command; what cannot be followed is said."""
        try:
            match command:
                case "snapshot" if self._drawn_rgb is not None:
                    path = save_snapshot(self._folder, self._drawn_rgb)
                    self.snapshot, self.trouble = path.name, None
                    self._on_note(f"Snapshot: {path}")
                case "record" if self._recorder is None and self._drawn_rgb is not None:
                    self._start(path_in(self._folder, f"{time_name()}.mp4"))
                case "stop-recording":
                    self._must_last = False
                    self._stop()
                case "toggle-recording":
                    self.do("record" if self._recorder is None else "stop-recording")
        except OutputError as error:
            self._say(error)

    def cut(self) -> None:
        """Leave the time until the next frame out of the recording."""
        if self._recorder is not None:
            self._recorder.cut()

    def close(self) -> None:
        """Finish the recording, if there is one.

        Raises:
            OutputError: The one that was asked for from the start is not whole.
        """
        try:
            self._stop()
        except OutputError as error:
            self._raise_or_say(error)

    def _start(self, path: Path) -> None:
        if self._drawn_rgb is None:
            return
        frame_s = self._capture.frame_s
        fps = 1 / frame_s if frame_s else RECORDING_FPS
        longest_s = MAX_GAP_S if self._capture.is_live else VIDEO_MAX_GAP_S
        self._recorder = Recorder(free_path(path), self._drawn_rgb.size, fps, longest_s)
        self.trouble = None
        self._on_note(f"Recording: {self._recorder.path}")

    def _stop(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()

    def _raise_or_say(self, error: OutputError) -> None:
        if self._must_last:
            raise error
        self._say(error)

    def _say(self, error: OutputError) -> None:
        self.trouble = str(error)
        self._on_note(f"Error: {error}")
