"""Faces followed through drawn videos, and scores smoothed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer import Classifier, FaceDetector
from edge_infer.faces.decoding import overlaps
from edge_infer.faces.detector import Face
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.results import Prediction, rank
from edge_infer.webcam.answers.smoothing import Smoother
from edge_infer.webcam.answers.tracking import KEEP_S, SEARCH_S, FaceTracker, match
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from tests.support.tiny_model import write_tiny_model

FRAME_S = 1 / 30


def scene(*faces: tuple[int, int, int]) -> Image.Image:
    return picture_with_faces((320, 240), list(faces))


def face(left: float, top: float, side: float) -> Face:
    return Face((left, top, left + side, top + side), 0.9, ())


class CountingDetector:
    """The real detector, counting how it is used."""

    def __init__(self) -> None:
        self._detector = FaceDetector()
        self.searches: list[bool] = []
        self.close_ups = 0

    def detect_in(self, image: Image.Image, *, quick: bool = False) -> tuple[Face, ...]:
        self.searches.append(quick)
        return self._detector.detect_in(image, quick=quick)

    def find_again(self, image: Image.Image, faces: list[Face]) -> tuple[Face, ...]:
        self.close_ups += 1
        return self._detector.find_again(image, faces)


@pytest.fixture
def detector() -> CountingDetector:
    return CountingDetector()


@pytest.mark.slow
def test_a_moving_face_keeps_its_number_and_the_whole_picture_is_searched_now_and_then(
    detector: CountingDetector,
) -> None:
    tracker = FaceTracker(detector)
    for i in range(20):
        (track,) = tracker.update(scene((40 + 4 * i, 60, 100)), i * FRAME_S)
        assert track.number == 0
        where = np.array([[40 + 4 * i, 60, 40 + 4 * i + 75, 160]], float)
        assert overlaps(np.array(track.face.box), where)[0] > 0.55
    assert detector.searches == [True, True, True]  # at 0, 0.3 and 0.6 s
    assert detector.close_ups == 20


def test_a_second_face_is_found_and_the_largest_comes_first(detector: CountingDetector) -> None:
    tracker = FaceTracker(detector)
    (alone,) = tracker.update(scene((20, 80, 80)), 0)
    assert [track.number for track in tracker.update(scene((20, 80, 80), (180, 50, 110)), FRAME_S)] == [alone.number]
    first, second = tracker.update(scene((20, 80, 80), (180, 50, 110)), SEARCH_S)
    assert (first.number, second.number) == (1, 0)
    assert first.face.height > second.face.height


def test_a_face_that_has_gone_is_searched_for_at_once_and_then_given_up(detector: CountingDetector) -> None:
    tracker = FaceTracker(detector)
    tracker.update(scene((80, 60, 100)), 0)
    assert tracker.update(scene(), FRAME_S) == ()
    assert len(detector.searches) == 2
    for i in range(2, 8):
        assert tracker.update(scene(), i * FRAME_S) == ()
    assert len(detector.searches) == 2  # an empty picture costs a search only every SEARCH_S
    (back,) = tracker.update(scene((84, 60, 100)), 0.5)
    assert back.number == 0
    tracker.update(scene(), 0.6)
    (another,) = tracker.update(scene((80, 60, 100)), 0.6 + KEEP_S)
    assert another.number == 1


def test_faces_are_matched_best_first_and_once() -> None:
    known = [face(0, 0, 100), face(40, 0, 100)]
    assert match(known, [face(42, 0, 100), face(30, 0, 100)]) == {0: 1, 1: 0}
    assert match(known, [face(300, 0, 100)]) == {}
    assert match([], [face(0, 0, 10)]) == {}
    assert match(known, []) == {}


def answer(red: float) -> Prediction:
    return Prediction(None, "colours", "colours", rank(("red", "blue"), (red, 1 - red)), 0.5)


def test_after_one_time_constant_an_old_answer_counts_37_percent() -> None:
    smoother = Smoother(0.5)
    assert smoother.smooth(1, answer(1.0), 10) == answer(1.0)
    smoothed = smoother.smooth(1, answer(0.0), 10.5)
    assert [score.label for score in smoothed.scores] == ["blue", "red"]
    assert smoothed.scores[1].score == pytest.approx(np.exp(-1))
    assert sum(score.score for score in smoothed.scores) == pytest.approx(1)


def test_smoothing_goes_by_time_not_by_frames() -> None:
    for frames in (3, 30):
        smoother = Smoother(0.5)
        smoother.smooth(1, answer(1.0), 0)
        for i in range(1, frames + 1):
            smoothed = smoother.smooth(1, answer(0.0), i * 0.6 / frames)
        assert smoothed.scores[1].score == pytest.approx(np.exp(-0.6 / 0.5))


def test_a_label_does_not_flicker() -> None:
    rng = np.random.default_rng(1)
    raw = np.clip(0.62 + 0.3 * rng.standard_normal(300), 0, 1)
    smoother = Smoother(0.5)
    labels = [smoother.smooth(1, answer(float(red)), i * FRAME_S).label for i, red in enumerate(raw)][15:]
    assert sum(a != b for a, b in zip(raw[:-1] > 0.5, raw[1:] > 0.5, strict=True)) > 100
    assert set(labels) == {"red"}


def test_subjects_are_apart_and_forgotten() -> None:
    smoother = Smoother(0.5)
    smoother.smooth("a", answer(1.0), 0)
    assert smoother.smooth("b", answer(0.0), 0.1) == answer(0.0)
    assert smoother.smooth("a", answer(0.0), 5) == answer(0.0)
    assert list(smoother._remembered) == ["a"]


def test_no_smoothing_when_told_so() -> None:
    smoother = Smoother(0)
    smoother.smooth(1, answer(1.0), 0)
    assert smoother.smooth(1, answer(0.2), 0.01) == answer(0.2)


def test_known_is_smoothed_as_scores_are() -> None:
    smoother = Smoother(0.5)
    strange, sure = (replace(answer(1.0), known=known, min_known=0.5) for known in (0.2, 1.0))
    assert smoother.smooth(1, strange, 10) == strange
    smoothed = smoother.smooth(1, sure, 10.5)
    assert smoothed.known == pytest.approx(1 - 0.8 * np.exp(-1))
    assert (smoothed.min_known, smoothed.scores) == (0.5, sure.scores)
    assert smoother.smooth(1, strange, 99).known == 0.2


def test_the_picture_has_the_known_of_its_largest_face(tmp_path: Path) -> None:
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    video = VideoClassifier(Classifier(write_tiny_model(tmp_path / "skin.onnx", input=spec, min_known=0.4)), 0.5)
    answers = [video.answer(scene((20, 80, 80), (180, 50, 110)), i * FRAME_S) for i in range(2)]
    assert [[face.known is None for face in answer.faces] for answer in answers] == [[False] * 2] * 2
    assert all(answer.known == answer.faces[0].known for answer in answers)


@pytest.fixture(scope="module")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    return write_tiny_model(tmp_path_factory.mktemp("model") / "skin.onnx", name="skin", task="skin", input=spec)


def test_frames_are_answered_as_pictures_are(skin: Path) -> None:
    image = scene((80, 60, 100))
    classifier = Classifier(skin)
    assert VideoClassifier(classifier).answer(image, 0.0) == classifier.classify(image)
    assert VideoClassifier(classifier).answer(scene(), 0.0) == classifier.classify(scene())


def test_each_face_is_smoothed_by_itself_and_the_picture_has_the_answer_of_the_largest(skin: Path) -> None:
    video = VideoClassifier(Classifier(skin), 0.5)
    frames = [scene((20, 80, 80), (180, 50, 110))] * 3
    answers = [video.answer(frame, i * FRAME_S) for i, frame in enumerate(frames)]
    assert [len(answer.faces) for answer in answers] == [2, 2, 2]
    assert all(answer.scores == answer.faces[0].scores for answer in answers)
    assert {answer.label for answer in answers} == {"pink"}


def test_a_model_of_whole_pictures_is_smoothed_too(tiny_model_path: Path) -> None:
    red, blue = Image.new("RGB", (64, 48), (205, 30, 40)), Image.new("RGB", (64, 48), (40, 60, 200))
    video = VideoClassifier(Classifier(tiny_model_path), 0.5)
    assert video.answer(red, 0.0) == Classifier(tiny_model_path).classify(red)
    labels = [video.answer(blue, (i + 1) * 0.1).label for i in range(6)]
    assert labels == ["red"] * 3 + ["blue"] * 3  # half of it after 0.35 s
