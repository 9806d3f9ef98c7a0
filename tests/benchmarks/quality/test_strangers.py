from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from benchmarks.quality.drawn_pages import KINDS, draw_pages
from benchmarks.quality.strangers import Bound, answer_strangers, answer_turned, bounds_of
from edge_infer import FacePrediction, LabelScore, Prediction

MAN = (LabelScore("man", 0.97), LabelScore("woman", 0.03))
WOMAN = (LabelScore("woman", 0.6), LabelScore("man", 0.4))


def answer(scores: tuple[LabelScore, ...], *, has_face: bool = True) -> Prediction:
    faces = (FacePrediction((0.0, 0.0, 9.0, 9.0), 0.9, ((1.0, 1.0),) * 5, scores, 0.9),) if has_face else ()
    return Prediction(None, "gender", "gender", scores, 0.9, faces, shows_subject=has_face)


class Stub:
    def __init__(self, classify: Callable[[Image.Image], Prediction]) -> None:
        self.classify = classify


def test_pages_are_drawn_the_same_each_time_and_each_is_another() -> None:
    first, again = list(draw_pages(12)), list(draw_pages(12))
    assert [kind for kind, _ in first] == list(KINDS) * 3
    assert [page.tobytes() for _, page in first] == [page.tobytes() for _, page in again]
    assert len({page.tobytes() for _, page in first}) == 12
    assert {page.mode for _, page in first} == {"RGB"}
    for _, page in first:  # there is something on it
        assert np.asarray(page).std() > 10
    assert next(iter(draw_pages(1, seed=2)))[1].tobytes() != first[0][1].tobytes()


def test_what_is_counted_of_strangers() -> None:
    results = [answer(MAN), answer(WOMAN), answer(MAN, has_face=False)]
    assert answer_strangers(results) == {"pictures": 3, "with_false_faces": 2, "certain": 1}


def test_every_quarter_turn_is_answered() -> None:
    """A face in the upper half is found; the answer is man when it is at the left."""

    def classify(image: Image.Image) -> Prediction:
        rows, columns = np.nonzero(np.asarray(image.convert("L")))
        return answer(MAN if columns[0] < 4 else WOMAN, has_face=bool(rows[0] < 4))

    corner = Image.new("RGB", (8, 8))
    corner.putpixel((7, 1), (255, 255, 255))  # right above; turned by 90: left above; 180: left below
    counts = answer_turned(Stub(classify), [("woman", corner)])
    assert counts["0"] == {"pictures": 1, "found": 1, "right": 1, "certain": 0, "certain_and_wrong": 0}
    assert counts["90"] == {"pictures": 1, "found": 1, "right": 0, "certain": 1, "certain_and_wrong": 1}
    assert counts["180"] == counts["270"] == dict.fromkeys(counts["0"], 0) | {"pictures": 1}


def test_the_bounds_are_those_of_pages_others_and_turned_faces() -> None:
    quiet = {"pictures": 200, "with_false_faces": 9, "certain": 2}
    turned = {"pictures": 100, "found": 90, "right": 80, "certain": 70, "certain_and_wrong": 1}
    loud = turned | {"certain_and_wrong": 60}
    result = {
        "pages": {"text": quiet | {"certain": 0}, "table": quiet | {"certain": 1}},
        "others": {"things": quiet, "gems": quiet | {"certain": 3}},
        "turned": {"crops": {"0": loud, "90": turned, "180": turned, "270": turned | {"certain_and_wrong": 2}}},
    }
    bounds = bounds_of(result)
    assert [(bound.certain, bound.pictures, bound.largest, bound.holds) for bound in bounds] == [
        (1, 400, 0, False),
        (2, 200, 0.01, True),
        (3, 200, 0.01, False),
        (4, 300, 0.01, False),
    ]
    assert str(bounds[1]) == "things, certain: 2 of 200 (1.00%), allowed 1%: holds"


@pytest.mark.parametrize("certain", [0, 1])
def test_none_allowed_is_none(certain: int) -> None:
    assert Bound("pages", certain, 500, 0).holds is (certain == 0)
