"""A second look at the middle of a picture: the mean of two answers, one by one and in batches."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.errors import ImageDecodeError
from edge_infer.results import FailedInput, Prediction
from edge_infer.runtime.outputs import Outputs, joined


@pytest.fixture
def picture() -> Image.Image:
    """Red, with a blue middle of half of each side."""
    pixels = np.full((80, 120, 3), (200, 0, 0), np.uint8)
    pixels[20:60, 30:90] = (0, 0, 200)
    return Image.fromarray(pixels)


def scores(prediction: Prediction) -> dict[str, float]:
    return {each.label: each.score for each in prediction.scores}


def test_the_answer_is_the_mean_of_the_whole_and_its_middle(tiny_model_path: Path, picture: Image.Image):
    once, twice = (Classifier(tiny_model_path, second_look=second_look) for second_look in (False, True))
    whole, middle = scores(once.classify(picture)), scores(once.classify(picture.crop((30, 20, 90, 60))))
    assert whole != pytest.approx(middle, abs=0.05)
    found = twice.classify(picture)
    assert scores(found) == pytest.approx({label: (whole[label] + middle[label]) / 2 for label in whole}, abs=1e-3)
    assert [each.score for each in found.scores] == sorted(scores(found).values(), reverse=True)
    assert found.faces is None


@pytest.mark.parametrize("batch_size", [1, 3])
def test_many_pictures_are_answered_like_one(
    tiny_model_path: Path, picture: Image.Image, tmp_path: Path, batch_size: int
):
    picture.save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    picture.rotate(90).save(tmp_path / "2.jpg")
    Image.new("RGB", (40, 40), (0, 200, 0)).save(tmp_path / "3.png")
    classifier = Classifier(tiny_model_path, second_look=True)
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    answers = list(classifier.classify_many(paths, batch_size=batch_size))
    assert isinstance(answers[1], FailedInput)
    assert isinstance(answers[1].error, ImageDecodeError)
    for place in (0, 2, 3):
        assert scores(answers[place]) == pytest.approx(scores(classifier.classify(paths[place])), abs=1e-6)


def test_known_is_averaged_too_and_runs_are_joined():
    probabilities = np.array([[1, 0], [0.5, 0.5], [0, 1], [0, 1]], np.float32)
    runs = [Outputs(probabilities[:3], np.array([1, 0, 0.5], np.float32)), Outputs(probabilities[3:], np.ones(1))]
    averaged = joined(runs).averaged(2)
    assert averaged.probabilities.tolist() == [[0.75, 0.25], [0, 1]]
    assert averaged.known.tolist() == [0.5, 0.75]
    assert joined([Outputs(probabilities, None)]).averaged(2).known is None


def test_a_model_of_faces_looks_at_faces():
    with pytest.raises(ValueError, match="model 'gender' looks at faces, so second_look does not fit it"):
        Classifier("gender", second_look=True)


def test_two_looks_are_not_explained(tiny_model_path: Path, picture: Image.Image):
    classifier = Classifier(tiny_model_path, second_look=True)
    with pytest.raises(ValueError, match="a second look cannot be explained"):
        classifier.explain(picture)
    with pytest.raises(ValueError, match="a second look cannot be explained"):
        classifier.explain_many([picture])
