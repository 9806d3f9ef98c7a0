"""The loop: newest frame -> answer -> drawn picture -> whoever shows it.

A frame is shown with its own answer when that comes before the next frame does. Otherwise newer
frames are shown with the last answer meanwhile, so that a slow model delays the labels, not the
picture: what is seen is never older than a frame or two.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageOps

from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.annotate import annotate
from edge_infer.pictures.turning import Turn, next_turn, turned
from edge_infer.results import Prediction
from edge_infer.webcam.answers.answer_thread import Answering
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.camera.capture import Capture, Frame
from edge_infer.webcam.keeping import Keeper
from edge_infer.webcam.overlay import draw_status
from edge_infer.webcam.view import Command, FeedStatus, Meter, View

if TYPE_CHECKING:  # imported when a map is first asked for
    from edge_infer.explaining.explanation import Explanation

NO_MAP = "this model's answers can only be explained by covering parts of the picture, which is too slow for a feed"

# Without a new frame the displays still hear of keys, and of a camera that is lost.
_IDLE_S = 0.1
# From one frame that is shown before its answer to the next: every one of a camera of 30 a second, not of 200.
_BETWEEN_S = 0.02


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as a picture.

    Attributes:
        frame: The frame.
        image_rgb: What the model sees of it; or, once drawn, with an answer, as it is recorded.
        turn: How far it was turned, degrees.
    """

    frame: Frame
    image_rgb: Image.Image
    turn: Turn


class Display(Protocol):
    """Shows the feed; called by the loop's thread, and must not hold it up."""

    def show(self, view: View) -> None:
        """Show a view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What to do with the feed.

    Attributes:
        turn: Turn frames clockwise by so many degrees, until commands turn them on.
        mirror: Then turn them left to right, as in a mirror.
        frames: Stop after so many answers.
        seconds: Stop after so long.
        record: File to record to from the first frame on.
        keep_in: Folder for snapshots, and for recordings that were asked for later.
    """

    turn: Turn = 0
    mirror: bool = False
    frames: int | None = None
    seconds: float | None = None
    record: Path | None = None
    keep_in: Path = Path()


class LiveFeed:
    """Runs a feed until its source ends or a command quits it.

    Args:
        capture: Where frames come from; entered and left by the caller.
        classifier: Answers them.
        commands: What displays and signal handlers ask for.
        displays: Who shows the feed.
        options: What else to do.
        source: What records call the source.
        on_answer: Called with each answer.
        is_taken: Whether whoever takes the answers has taken the last one. Until then no other is begun,
            but the feed is shown.
        on_note: Called with a line on what was kept, or could not be.
    """

    def __init__(
        self,
        capture: Capture,
        classifier: VideoClassifier,
        commands: SimpleQueue[Command],
        displays: Sequence[Display] = (),
        options: LiveOptions | None = None,
        *,
        source: str,
        on_answer: Callable[[Prediction], None] = lambda _: None,
        is_taken: Callable[[], bool] = lambda: True,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._capture, self._commands, self._displays = capture, commands, displays
        self._classifier = classifier
        self._answering = Answering(classifier, source, capture.wake)
        self._options = options or LiveOptions()
        self._keeper = Keeper(capture, self._options.record, self._options.keep_in, on_note)
        self._on_answer, self._is_taken, self._on_note = on_answer, is_taken, on_note
        self._meter = Meter()
        self._turn = self._options.turn
        self._newest: Picture | None = None
        self._asked: Picture | None = None  # the last one that was given to be answered
        self._answer: Prediction | None = None
        self._answered: Picture | None = None  # whose answer that is
        self._drawn: Picture | None = None
        self._shown: Prediction | None = None  # the answer that is drawn
        self._explanation: Explanation | None = None  # of the answer
        self._has_map = False
        self._trouble: str | None = None
        self._is_again = False  # what is answered was answered before it was turned
        self._is_paused = self._has_quit = False
        self.status = FeedStatus(source=source)

    def run(self) -> FeedStatus:
        """Run the feed in this thread and return how it was.

        Raises:
            CameraError: The source cannot be opened, or was lost for good.
            ModelOutputError: As in `Classifier.classify`.
            OutputError: The recording that was asked for from the start cannot be written, or not any more.
        """
        with ExitStack() as stack:
            stack.push(self._close_keeper)
            stack.enter_context(self._answering)
            began = time.monotonic()
            while not self._is_over(time.monotonic() - began):
                self._step()
                self._obey()
        return self.status

    def _close_keeper(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the recording. Where the feed has failed already, that is what is raised, and this is noted."""
        try:
            self._keeper.close()
        except OutputError as error:
            if kind is None:
                raise
            self._on_note(f"Error: {error}")

    def _is_over(self, seconds: float) -> bool:
        limit_s = self._options.seconds
        return (
            self._has_quit
            or (limit_s is not None and seconds >= limit_s)
            or (self._has_answered_all() and self._is_taken())
        )

    def _has_answered_all(self) -> bool:
        frames = self._options.frames
        return not self._answering.is_busy and (
            self._capture.state == "ended" or (frames is not None and self._meter.answered >= frames)
        )

    def _step(self) -> None:
        """Wait for a frame or an answer, and show it."""
        may_answer = not self._answering.is_busy and self._is_taken() and not self._has_answered_all()
        if may_answer and (frame := self._next_frame()) is not None:
            self._ask(self._picture(frame))
        if self._answering.is_busy or not may_answer:
            self._follow()
        self._show()

    def _ask(self, picture: Picture) -> None:
        if self._asked is not None and self._asked.turn != picture.turn:
            self._classifier.forget()  # where faces were
        self._newest = self._asked = picture
        self._answering.begin(picture.frame, picture.image_rgb, with_map=self._has_map)

    def _next_frame(self) -> Frame | None:
        if self._is_paused and self._newest is not None and self._newest.turn != self._turn:
            self._is_again = True
            return self._newest.frame
        if self._is_paused and self._capture.every_frame:
            time.sleep(_IDLE_S)
            return None
        frame = self._capture.next_frame(_IDLE_S)
        return None if self._is_paused else frame

    def _picture(self, frame: Frame) -> Picture:
        image = turned(Image.fromarray(frame.pixels_rgb), self._turn)
        return Picture(frame, ImageOps.mirror(image) if self._options.mirror else image, self._turn)

    def _follow(self) -> None:
        """Draw the answer that is waited for, or a newer frame if one comes before."""
        frame = self._newer_frame()
        if frame is not None:
            self._newest = self._picture(frame)
        answered = self._answering.take()
        if answered is not None:
            self._answer, self._answered = answered.prediction, self._asked
            self._explanation = answered.explanation
            if self._has_map and answered.explanation is None and not self._classifier.can_explain():
                self._has_map, self._trouble = False, NO_MAP
        if frame is not None or answered is not None:
            self._draw()
        if answered is not None and not self._is_again:
            self._meter.count(answered.captured_at, answered.answer_s)
            self._on_answer(answered.prediction)
        self._is_again = self._is_again and answered is None

    def _newer_frame(self) -> Frame | None:
        """Return a frame newer than the newest, if it comes before the answer; it may still be answered."""
        if self._newest is None or self._is_paused or self._capture.every_frame:
            if self._answering.is_busy:
                self._answering.wait(_IDLE_S)
            else:
                time.sleep(_BETWEEN_S)
            return None
        since = self._newest.frame.captured_at + _BETWEEN_S
        return self._capture.newest_since(since, _IDLE_S, self._answering.is_ready)

    def _draw(self) -> None:
        newest, answered = self._newest, self._answered
        # An answer from before a turn says nothing of where something is now.
        if newest is None or answered is None or self._answer is None or newest.turn != answered.turn:
            return
        image = newest.image_rgb
        if self._has_map and self._explanation is not None:
            from edge_infer.explaining.drawing import under_map

            image = under_map(image, self._explanation, has_frames=False)
        self._drawn = replace(newest, image_rgb=annotate(image, self._answer))
        self._shown = self._answer
        self._keeper.take(self._drawn.image_rgb, self._drawn.frame.time_s)

    def _show(self) -> None:
        self.status = replace(
            self.status,
            turn=self._turn,
            state="paused" if self._is_paused else self._capture.state,
            fps=self._meter.fps(),
            latencies_ms=self._meter.latencies_ms(),
            answer_ms=self._meter.answer_ms,
            answered=self._meter.answered,
            counts=self._capture.counts,
            has_map=self._has_map,
            recording=self._keeper.recording,
            snapshot=self._keeper.snapshot,
            trouble=self._keeper.trouble or self._trouble,
        )
        if self._drawn is not None and self._shown is not None:
            image = draw_status(self._drawn.image_rgb, self.status)
            view = View(image, self._drawn.frame.captured_at, self._shown, self.status)
            for display in self._displays:
                display.show(view)

    def _obey(self) -> None:
        with suppress(Empty):
            while True:
                self._do(self._commands.get_nowait())

    def _do(self, command: Command) -> None:
        match command:
            case "quit":
                self._has_quit = True
            case "turn":
                self._turn = next_turn(self._turn)
            case "toggle-pause":
                self._is_paused = not self._is_paused
                self._keeper.cut()  # what goes by meanwhile
            case "toggle-map":
                self._has_map, self._trouble = not self._has_map, None
            case _:
                self._keeper.do(command)
