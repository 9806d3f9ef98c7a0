"""Frames answered in a thread of its own."""

import threading

import pytest
from PIL import Image

from edge_infer.errors import ModelOutputError
from edge_infer.results import Prediction
from edge_infer.webcam.answers.answer_thread import Answering
from edge_infer.webcam.camera.capture import Frame
from tests.edge_infer.webcam.conftest import frame, prediction, wait_until

IMAGE = Image.new("RGB", (64, 48))


class HeldBack:
    """A classifier that answers, or fails, when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.error: Exception | None = None
        self.asked: list[tuple[Image.Image, float, str]] = []

    def answer(self, image_rgb: Image.Image, time_s: float) -> Prediction:
        self.asked.append((image_rgb, time_s, threading.current_thread().name))
        assert self.let_go.wait(10)
        if self.error is not None:
            raise self.error
        return prediction()


def taken(number: int) -> Frame:
    return Frame(number, number / 30, 100 + number / 30, frame(number))


def test_an_answer_comes_when_it_is_ready_and_once() -> None:
    classifier, calls = HeldBack(), []
    with Answering(classifier, "cam", lambda: calls.append(answering.is_ready())) as answering:
        assert (answering.is_busy, answering.is_ready(), answering.take()) == (False, False, None)
        answering.begin(taken(3), IMAGE)
        answering.wait(0.01)
        assert (answering.is_busy, answering.is_ready(), answering.take(), calls) == (True, False, None, [])
        classifier.let_go.set()
        wait_until(lambda: calls == [True])
        answered = answering.take()
        assert (answered.prediction.source, answered.prediction.frame, answered.prediction.time_s) == ("cam", 3, 0.1)
        assert answered.prediction.scores == prediction().scores
        assert answered.captured_at == 100.1
        assert answered.answer_s >= 0.01
        assert (answering.is_busy, answering.take()) == (False, None)
    ((image, time_s, thread),) = classifier.asked
    assert (image, time_s) == (IMAGE, 0.1)
    assert thread.startswith("edge-infer answers")


def test_what_the_classifier_raises_is_raised_where_the_answer_is_taken() -> None:
    classifier = HeldBack()
    classifier.error = ModelOutputError("NaN")
    classifier.let_go.set()
    with Answering(classifier, "cam", lambda: None) as answering:
        answering.begin(taken(0), IMAGE)
        answering.wait(10)
        with pytest.raises(ModelOutputError, match="NaN"):
            answering.take()
        assert not answering.is_busy


def test_leaving_waits_for_the_frame_that_is_being_answered() -> None:
    classifier, before = HeldBack(), threading.active_count()
    with Answering(classifier, "cam", lambda: None) as answering:
        answering.begin(taken(0), IMAGE)
        wait_until(lambda: classifier.asked)
        threading.Timer(0.05, classifier.let_go.set).start()
    assert answering.is_ready()
    wait_until(lambda: threading.active_count() <= before)
