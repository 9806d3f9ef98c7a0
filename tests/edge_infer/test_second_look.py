"""A second look at the middle of a picture: the mean of two answers, where it is asked for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.errors import ImageDecodeError
from edge_infer.results import FailedInput, Prediction
from edge_infer.runtime.outputs import Outputs, joined
from tests.support.tiny_model import COLOURS, write_tiny_model

UNSURE = 0.9  # of red with a blue middle the model says 0.75


@pytest.fixture
def picture() -> Image.Image:
    """Red, with a blue middle of half of each side."""
    return drawn(margin=(30, 20))


def drawn(margin: tuple[int, int]) -> Image.Image:
    pixels = np.full((80, 120, 3), COLOURS["red"], np.uint8)
    pixels[margin[1] : 80 - margin[1], margin[0] : 120 - margin[0]] = COLOURS["blue"]
    return Image.fromarray(pixels)


def scores(prediction: Prediction) -> dict[str, float]:
    return {each.label: each.score for each in prediction.scores}


def mean(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return {label: (first[label] + second[label]) / 2 for label in first}


def asking(folder: Path, **changes: object) -> Path:
    """Write a model that asks for a second look at the middle half."""
    return write_tiny_model(folder / "asking.onnx", **({"second_look": 0.5, "min_score": UNSURE} | changes))


def test_always_the_answer_is_the_mean_of_the_whole_and_its_middle(tiny_model_path: Path, picture: Image.Image):
    once, always = (Classifier(tiny_model_path, second_look=look) for look in ("auto", "always"))
    whole, middle = scores(once.classify(picture)), scores(once.classify(picture.crop((30, 20, 90, 60))))
    assert whole != pytest.approx(middle, abs=0.05)
    found = always.classify(picture)
    assert scores(found) == pytest.approx(mean(whole, middle), abs=1e-3)
    assert [each.score for each in found.scores] == sorted(scores(found).values(), reverse=True)
    assert found.faces is None
    plain = Image.new("RGB", (40, 40), COLOURS["blue"])
    assert scores(always.classify(plain)) == pytest.approx(scores(once.classify(plain)), abs=1e-6)


def test_a_model_that_asks_for_it_looks_again_where_it_is_unsure(tmp_path: Path, picture: Image.Image):
    path = asking(tmp_path)
    never, auto = (Classifier(path, second_look=look) for look in ("never", "auto"))
    whole, middle = scores(never.classify(picture)), scores(never.classify(picture.crop((30, 20, 90, 60))))
    assert 0.5 < max(whole.values()) < UNSURE
    assert scores(auto.classify(picture)) == pytest.approx(mean(whole, middle), abs=1e-3)

    nearly_red = drawn(margin=(54, 36))
    whole = scores(never.classify(nearly_red))
    assert max(whole.values()) > UNSURE
    assert scores(auto.classify(nearly_red)) == whole
    assert scores(Classifier(path, second_look="always").classify(nearly_red))["red"] < whole["red"] - 0.005


def test_the_share_is_the_models_own(tmp_path: Path, picture: Image.Image):
    whole, both = (
        scores(Classifier(asking(tmp_path, second_look=0.8), second_look=look).classify(picture))
        for look in ("never", "auto")
    )
    middle = scores(Classifier(asking(tmp_path), second_look="never").classify(picture.crop((12, 8, 108, 72))))
    assert both == pytest.approx(mean(whole, middle), abs=2e-3)


def test_a_large_middle_waits_as_the_network_will_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    picture = drawn(margin=(30, 20)).resize((1200, 800), Image.Resampling.NEAREST)
    classifier = Classifier(asking(tmp_path))
    as_it_is = scores(classifier.classify(picture))
    monkeypatch.setattr("edge_infer.intake._KEPT_PIXELS", 1000)
    assert scores(classifier.classify(picture)) == as_it_is


def test_the_users_threshold_changes_no_answer(tmp_path: Path, picture: Image.Image):
    path = asking(tmp_path)
    answers = [scores(Classifier(path, min_score=least).classify(picture)) for least in (None, 0.0, 1.0)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("look", ["always", "auto"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_many_pictures_are_answered_like_one(tmp_path: Path, picture: Image.Image, batch_size: int, look: str):
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture.save(folder / "0.png")
    (folder / "1.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 40), (0, 200, 0)).save(folder / "2.png")
    picture.rotate(90).save(folder / "3.jpg")
    classifier = Classifier(asking(tmp_path), second_look=look)
    paths = [str(path) for path in sorted(folder.iterdir())]
    answers = list(classifier.classify_many(paths, batch_size=batch_size))
    assert isinstance(answers[1], FailedInput)
    assert isinstance(answers[1].error, ImageDecodeError)
    for place in (0, 2, 3):
        assert scores(answers[place]) == pytest.approx(scores(classifier.classify(paths[place])), abs=1e-6)


def test_known_is_averaged_too_and_other_rows_stay():
    first = Outputs(np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32), np.array([1, 0, 0.5], np.float32))
    second = Outputs(np.array([[0, 1], [1, 0]], np.float32), np.array([0.5, 0], np.float32))
    averaged = first.averaged(np.array([1, 2]), second)
    assert averaged.probabilities.tolist() == [[1, 0], [0.25, 0.75], [0.5, 0.5]]
    assert averaged.known.tolist() == [1, 0.25, 0.25]
    assert first.probabilities.tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert joined([Outputs(first.probabilities, None)]).averaged(np.array([0, 2]), second).known is None


def test_a_model_of_faces_looks_at_faces():
    with pytest.raises(ValueError, match="model 'gender' looks at faces, so second_look='always' does not fit it"):
        Classifier("gender", second_look="always")


def test_an_unknown_way_is_refused(tiny_model_path: Path):
    with pytest.raises(ValueError, match="second_look must be one of auto, always, never, got 'twice'"):
        Classifier(tiny_model_path, second_look="twice")


@pytest.mark.parametrize("look", ["always", "auto"])
def test_the_answer_of_two_looks_is_explained_on_the_whole_picture(tmp_path: Path, look: str):
    picture = drawn(margin=(18, 12))
    path = asking(tmp_path)
    classifier, once = Classifier(path, second_look=look), Classifier(path, second_look="never")
    assert (once.classify(picture).label, classifier.classify(picture).label) == ("red", "blue")
    explanation = classifier.explain(picture)
    assert scores(explanation.prediction) == pytest.approx(scores(classifier.classify(picture)), abs=1e-6)
    assert explanation.maps[0].label == "blue"
    of_both, of_whole = (each.explain(picture, "blue").maps[0] for each in (classifier, once))
    assert of_both.cells == pytest.approx(of_whole.cells, abs=1e-5)
    many = list(classifier.explain_many([picture, picture], batch_size=1))
    assert [scores(each.prediction) for each in many] == [
        pytest.approx(scores(explanation.prediction), abs=1e-6) for _ in many
    ]


def test_a_picture_of_few_pixels_has_a_middle(tmp_path: Path):
    line = Image.new("RGB", (2, 200), "red")
    whole, both = (
        scores(Classifier(asking(tmp_path, second_look=0.4), second_look=look).classify(line))
        for look in ("never", "always")
    )
    assert both == pytest.approx(whole, abs=2e-3)
