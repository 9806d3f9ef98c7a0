from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge_infer.pictures.drawing.annotate import CERTAIN_RGB, UNCERTAIN_RGB, Pen, annotate
from edge_infer.results import FacePrediction, LabelScore, Prediction

GREY = (128, 128, 128)
SCORES = (LabelScore("woman", 0.9), LabelScore("man", 0.1))


def face(box: tuple[float, float, float, float], min_score: float = 0.5) -> FacePrediction:
    return FacePrediction(box, 0.8, (), SCORES, min_score)


def prediction(*faces: FacePrediction, source: str | None = "photo.png", min_score: float = 0.5) -> Prediction:
    return Prediction(source, "gender", "gender", SCORES, min_score, faces=tuple(faces))


def colours(image: Image.Image, box: tuple[int, int, int, int]) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.asarray(image.crop(box)).reshape(-1, 3).tolist()}


def test_a_box_and_a_label_above_it() -> None:
    picture = Image.new("RGB", (300, 200), GREY)
    drawn = annotate(picture, prediction(face((100, 80, 160, 160))))
    for x, y in ((100, 120), (160, 120), (130, 80), (130, 160)):
        assert drawn.getpixel((x, y)) == CERTAIN_RGB
    assert colours(drawn, (105, 85, 155, 155)) == {GREY}
    label = colours(drawn, (100, 60, 160, 78))
    assert CERTAIN_RGB in label
    assert (255, 255, 255) in label
    assert colours(picture, (0, 0, 300, 200)) == {GREY}  # the caller's picture is left alone


def test_an_uncertain_face_has_another_colour() -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction(face((100, 80, 160, 160), min_score=0.95)))
    assert drawn.getpixel((100, 120)) == UNCERTAIN_RGB


def test_without_faces_the_label_stands_at_the_top_left() -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction())
    assert drawn.getpixel((1, 1)) == CERTAIN_RGB
    assert colours(drawn, (0, 60, 300, 200)) == {GREY}


def test_what_is_none_of_the_classes_is_labelled_so_whatever_is_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Pen, "label", lambda self, place, text, rgb: written.append(f"{text} {rgb}"))
    strange = replace(prediction(), known=0.4, min_known=0.5)
    annotate(Image.new("RGB", (300, 200), GREY), strange)
    annotate(Image.new("RGB", (300, 200), GREY), replace(strange, known=0.5))
    one, other = (replace(face((100, 80, 160, 160)), known=known, min_known=0.5) for known in (0.9, 0.1))
    annotate(Image.new("RGB", (300, 200), GREY), prediction(one, other))
    none, woman = f"none of these {UNCERTAIN_RGB}", f"woman 90% {CERTAIN_RGB}"
    assert written == [none, woman, none, woman]


@pytest.mark.parametrize("box", [(0, 0, 40, 40), (260, 150, 300, 200), (-5, -5, 500, 500)])
def test_labels_stay_inside_the_picture(box: tuple[int, int, int, int]) -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction(face(box)))
    white = np.argwhere((np.asarray(drawn) > 200).all(axis=-1))
    assert len(white) > 20
    assert 0 < white[:, 0].min() < white[:, 0].max() < 199
    assert 0 < white[:, 1].min() < white[:, 1].max() < 299


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 900)])
def test_pictures_of_any_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    assert annotate(Image.new("RGB", size), prediction(face((0, 0, 1, 1)))).size == size


def test_text_grows_with_the_picture() -> None:
    heights = []
    for side in (300, 3000):
        pixels = np.asarray(annotate(Image.new("RGB", (side, side), GREY), prediction()))
        heights.append(int((pixels[:, 1] == CERTAIN_RGB).all(axis=-1).sum()))
    assert heights[1] > 4 * heights[0] > 40


@pytest.mark.parametrize("place", [(0, 0), (40, 40), (0.4, 150.3)])
def test_a_label_is_whole_wherever_it_lies(place: tuple[float, float]):
    def letters(at: tuple[float, float]) -> int:
        image = Image.new("RGB", (300, 200))
        Pen(image).label(at, "Labradorite 98%", (0, 90, 180))
        return int((np.asarray(image)[..., 0] > 100).sum())  # only the text has any red

    assert letters(place) == letters((100, 100)) > 100
