"""A classifier of faces, on drawn faces: a model that names colours calls their skin pink."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from benchmarks.quality.drawn_pages import draw_pages
from edge_infer import Classifier, FaceDetector, FacePrediction, FailedInput, Prediction
from edge_infer.errors import NoFaceError
from edge_infer.faces.crops import crop_face
from edge_infer.faces.mode import FaceMode
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.pictures.loading import fit
from tests.conftest import drawn
from tests.support.tiny_model import COLOURS, write_tiny_model

SPEC = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
ONE, TWO = [(200, 60, 240)], [(30, 100, 150), (300, 40, 260)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "skin.onnx", name="skin", task="skin", input=SPEC)


@pytest.fixture
def one_face() -> Image.Image:
    return picture_with_faces((640, 480), ONE)


def test_the_answer_is_for_the_face_not_for_the_picture(model: Path, one_face: Image.Image) -> None:
    prediction = Classifier(model).classify(one_face)
    assert prediction.label == "pink"
    (face,) = prediction.faces
    assert face.scores == prediction.scores
    (found,) = FaceDetector().detect(one_face)
    assert (face.box, face.detection_score, face.landmarks) == (found.box, found.score, found.landmarks)
    assert Classifier(model, faces="never").classify(one_face).label != "pink"


@pytest.mark.parametrize(("options", "entry"), [({}, None), ({"spinning": False}, "0")])
def test_spinning_is_for_both_networks(
    model: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, bool], entry: str | None
) -> None:
    entries: list[str | None] = []

    class Options(ort.SessionOptions):
        def add_session_config_entry(self, key: str, value: str) -> None:
            if key == "session.intra_op.spin_duration_us":
                entries.append(None)
            if key == "session.intra_op.allow_spinning":
                entries[-1] = value
            super().add_session_config_entry(key, value)

    monkeypatch.setattr("onnxruntime.SessionOptions", Options)
    Classifier(model, **options)
    assert entries == [entry, entry]


def test_the_network_is_shown_what_the_crop_rule_says(model: Path, one_face: Image.Image) -> None:
    (found,) = FaceDetector().detect(one_face)
    crop = crop_face(one_face, found, SPEC)
    expected = Classifier(model, faces="never").classify(np.ascontiguousarray(crop))
    assert Classifier(model).classify(one_face).scores == expected.scores


def test_every_face_is_answered_and_the_picture_by_the_largest(model: Path) -> None:
    prediction = Classifier(model).classify(picture_with_faces((640, 480), TWO))
    first, second = prediction.faces
    assert first.box[0] > 250 > second.box[2]
    assert prediction.scores == first.scores != second.scores
    assert {first.label, second.label} == {"pink"}
    assert first.is_certain is (first.score >= 0.5)


def test_a_picture_without_a_face_is_never_certain(model: Path) -> None:
    prediction = Classifier(model).classify(drawn(COLOURS["blue"], (320, 240)))
    assert (prediction.label, prediction.faces, prediction.shows_subject) == ("blue", (), False)
    assert prediction.score > 0.9 > prediction.min_score
    assert not prediction.is_certain
    assert not Classifier(model, min_score=0).classify(drawn(COLOURS["blue"])).is_certain


def test_without_a_face_not_even_the_crop_of_one_is_certain(
    model: Path, one_face: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaceDetector, "detect_in", lambda *_: ())
    crop = one_face.crop((215, 100, 365, 290))
    prediction = Classifier(model, min_score=0.1).classify(crop)
    assert (prediction.faces, prediction.shows_subject, prediction.label) == ((), False, "pink")
    assert not prediction.is_certain
    expected = Classifier(model, min_score=0.1, faces="never").classify(fit(crop, SPEC))
    assert (prediction.scores, expected.is_certain) == (expected.scores, True)


def test_a_face_that_is_not_clear_makes_no_answer_certain(
    model: Path, one_face: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(model)
    (face,) = FaceDetector().detect(one_face)
    clear = classifier.classify(one_face)
    assert (clear.is_certain, clear.faces[0].is_certain, clear.faces[0].is_clear) == (True, True, True)
    monkeypatch.setattr(FaceDetector, "detect_in", lambda *_: (replace(face, is_clear=False),))
    vague = classifier.classify(one_face)
    assert (vague.is_certain, vague.faces[0].is_certain, vague.faces[0].is_clear) == (False, False, False)
    assert (vague.scores, vague.shows_subject) == (clear.scores, True)
    assert vague.to_record()["certain"] is vague.to_record()["faces"][0]["certain"] is False


@pytest.mark.parametrize("tilt_deg", [90, 270])
def test_a_turned_face_is_shown_upright(tilt_deg: int) -> None:
    spec = InputSpec(120, 120, face=FaceCrop(0.12, upright=True))
    detector = FaceDetector()
    crops = []
    for tilt in (0, tilt_deg):
        picture = picture_with_faces((640, 480), [(200, 100, 200)], tilt)
        (face,) = detector.detect(picture)
        crops.append(crop_face(picture, face, spec).astype(int)[20:100, 20:100])
    assert np.abs(crops[0] - crops[1]).mean() < 15
    assert np.abs(crops[0] - np.rot90(crops[1], 2)).mean() > 25


def test_pages_of_text_are_never_certain() -> None:
    classifier = Classifier("gender")
    answers = [classifier.classify(page) for _, page in draw_pages(24)]
    assert [answer.is_certain for answer in answers] == [False] * 24
    assert max(answer.score for answer in answers) > classifier.metadata.min_score  # it is the face that is missing


def test_always_refuses_a_picture_without_a_face(model: Path, one_face: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    drawn(COLOURS["blue"]).save(path)
    classifier = Classifier(model, faces="always")
    with pytest.raises(NoFaceError, match=r"wall\.png shows no face"):
        classifier.classify(path)
    with pytest.raises(NoFaceError, match="the given picture shows no face"):
        classifier.classify(Image.open(path))
    failed, answered = classifier.classify_many([path, one_face])
    assert isinstance(failed, FailedInput)
    assert failed.to_record()["error"]["type"] == "NoFaceError"
    assert answered.label == "pink"


def test_never_takes_the_picture_for_a_crop(model: Path) -> None:
    prediction = Classifier(model, faces="never").classify(drawn(COLOURS["blue"]))
    assert (prediction.label, prediction.faces, prediction.is_certain) == ("blue", (), True)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_answer_as_single_pictures_do(model: Path, one_face: Image.Image, batch_size: int) -> None:
    pictures = [one_face, drawn(COLOURS["red"]), b"no picture", picture_with_faces((640, 480), TWO), one_face]
    classifier = Classifier(model)
    results = list(classifier.classify_many(pictures, batch_size=batch_size))
    assert [type(result) for result in results] == [Prediction, Prediction, FailedInput, Prediction, Prediction]
    for picture, result in zip(pictures, results, strict=True):
        if isinstance(result, Prediction):
            alone = classifier.classify(picture)
            assert [face.box for face in result.faces] == [face.box for face in alone.faces]
            assert [s.score for s in result.scores] == pytest.approx([s.score for s in alone.scores], abs=1e-4)


def test_the_record_lists_the_faces(model: Path) -> None:
    record = Classifier(model).classify(picture_with_faces((640, 480), TWO)).to_record(top=1)
    assert list(record) == ["source", "task", "model", "label", "score", "certain", "scores", "faces"]
    assert list(record["faces"][0]) == ["box", "detection_score", "label", "score", "certain", "scores"]
    assert record["label"] == record["faces"][0]["label"]
    assert len(record["faces"][0]["scores"]) == 1
    assert json.loads(json.dumps(record)) == record


def test_the_record_of_other_models_has_no_faces(tiny_model_path: Path, one_face: Image.Image) -> None:
    prediction = Classifier(tiny_model_path).classify(one_face)
    assert prediction.faces is None
    assert "faces" not in prediction.to_record()


def test_a_face_ranks_its_scores_as_a_picture_does(model: Path, one_face: Image.Image) -> None:
    (face,) = Classifier(model, min_score=1.0).classify(one_face).faces
    assert isinstance(face, FacePrediction)
    assert face.top(2) == face.scores[:2]
    assert not face.is_certain
    with pytest.raises(ValueError, match="k >= 1"):
        face.top(0)


@pytest.mark.parametrize(
    ("faces", "message"), [("always", "'colours' was not made for faces"), ("sometimes", "faces must be one of auto")]
)
def test_wrong_face_modes(tiny_model_path: Path, faces: FaceMode, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Classifier(tiny_model_path, faces=faces)


@pytest.mark.parametrize("size", [(1, 1), (20_000, 20)])
def test_odd_pictures_are_answered_without_certainty(model: Path, size: tuple[int, int]) -> None:
    prediction = Classifier(model).classify(Image.new("RGB", size, COLOURS["red"]))
    assert (prediction.label, prediction.faces, prediction.is_certain) == ("red", (), False)


def test_known_faces_are_answered_instead_of_those_in_the_picture(model: Path) -> None:
    picture, classifier = picture_with_faces((640, 480), TWO), Classifier(model)
    both = classifier.classify(picture)
    _, smaller = classifier.detector.detect_in(picture)
    answer = classifier.classify(picture, known_faces=[smaller])
    assert [face.box for face in answer.faces] == [both.faces[1].box]
    assert answer.score == pytest.approx(both.faces[1].score, abs=1e-5)
    assert classifier.classify(picture, known_faces=[]).faces == ()


def test_known_faces_are_in_pixels_of_the_picture_itself(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    picture_with_faces((640, 480), ONE).resize((5120, 3840)).save(path)  # decoded at a reduced scale
    classifier = Classifier(model)
    (face,) = classifier.detector.detect(path)
    assert classifier.classify(path, known_faces=[face]).faces[0].box == pytest.approx(face.box)
    assert classifier.classify(path, known_faces=[face]).label == "pink"


def test_known_faces_are_for_models_that_look_for_faces(tiny_model_path: Path, one_face: Image.Image) -> None:
    with pytest.raises(ValueError, match="known_faces were given to a classifier that looks for no faces"):
        Classifier(tiny_model_path).classify(one_face, known_faces=[])
