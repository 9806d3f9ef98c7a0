"""Frames answered in a thread of its own, one at a time, so that the loop can go on showing new ones."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from PIL import Image

from edge_infer.results import Prediction
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.camera.capture import Frame

if TYPE_CHECKING:
    from edge_infer.explaining.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a frame.

    Attributes:
        prediction: The answer, with source, frame and time.
        captured_at: As in `Frame`.
        answer_s: How long the model took, seconds.
        explanation: Its map, if one was asked for and can be had.
    """

    prediction: Prediction
    captured_at: float
    answer_s: float
    explanation: "Explanation | None" = None


class Answering:
    """Answers one frame after the other, from entering this context to leaving it.

    Args:
        classifier: Answers them; called in the thread.
        source: What records call the source.
        on_ready: Called in the thread when an answer is there.
    """

    def __init__(self, classifier: VideoClassifier, source: str, on_ready: Callable[[], None]) -> None:
        self._classifier, self._source, self._on_ready = classifier, source, on_ready
        self._pool = ThreadPoolExecutor(1, "edge-infer answers")
        self._pending: Future[Answered] | None = None

    def __enter__(self) -> Self:
        """Start nothing yet: the first frame does."""
        return self

    def __exit__(self, *error: object) -> None:
        """Wait for the frame that is being answered, if any."""
        self._pool.shutdown()

    @property
    def is_busy(self) -> bool:
        """Whether there is a frame whose answer was not taken yet."""
        return self._pending is not None

    def is_ready(self) -> bool:
        """Return whether that answer is there."""
        return self._pending is not None and self._pending.done()

    def begin(self, frame: Frame, image_rgb: Image.Image, *, with_map: bool = False) -> None:
        """Answer a frame; not while another one is.

        Args:
            frame: The frame.
            image_rgb: What the model is to see of it.
            with_map: Say where the model looked, too.
        """
        self._pending = self._pool.submit(self._answer, frame, image_rgb, with_map)
        self._pending.add_done_callback(lambda _: self._on_ready())

    def wait(self, wait_s: float) -> None:
        """Wait until the answer is there, up to `wait_s`."""
        if self._pending is not None:
            wait([self._pending], wait_s)

    def take(self) -> Answered | None:
        """Return the answer, once; None while it is not there.

        Raises:
            ModelOutputError: As in `Classifier.classify`.
        """
        if self._pending is None or not self._pending.done():
            return None
        done, self._pending = self._pending, None
        return done.result()

    def _answer(self, frame: Frame, image_rgb: Image.Image, with_map: bool) -> Answered:
        began = time.monotonic()
        explanation = None
        if with_map:
            prediction, explanation = self._classifier.explain(image_rgb, frame.time_s)
        else:
            prediction = self._classifier.answer(image_rgb, frame.time_s)
        answer_s = time.monotonic() - began
        prediction = replace(prediction, source=self._source, frame=frame.number, time_s=frame.time_s)
        return Answered(prediction, frame.captured_at, answer_s, explanation)
