import numpy as np
import pytest

from export.conversion.parity import BORDER_PX, Parity, border_pictures, check_parity, compare
from export.errors import ParityError


def answers(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_the_largest_difference_of_any_picture_counts():
    reference = answers([0.5, 0.5], [0.9, 0.1], [0.2, 0.8])
    candidate = answers([0.5, 0.5], [0.8, 0.2], [0.21, 0.79])

    parity = compare(reference, candidate)

    assert (parity.pictures, parity.same_top1) == (3, 3)
    assert parity.max_difference == pytest.approx(0.1, abs=1e-7)


def test_changed_answers_are_counted():
    rows = [[0.6, 0.4]] * 20
    changed = [*rows[:9], [0.4, 0.6], *rows[10:]]

    assert compare(answers(*rows), answers(*changed)).same_top1 == 19


def test_a_near_tie_is_the_same_answer_and_a_lead_is_not():
    tie, other = [0.5 + 4e-7, 0.5 - 4e-7], [0.5 - 4e-7, 0.5 + 4e-7]
    parity = compare(answers(tie, [0.5003, 0.4997]), answers(other, [0.4997, 0.5003]))
    assert (parity.pictures, parity.same_top1) == (2, 1)


@pytest.mark.parametrize(
    ("difference", "kept"), [(0.0, 1e-9), (3.2e-6, 1e-5), (9e-4, 1e-3), (0.0011, 0.01), (0.301, 0.31), (0.995, 1.0)]
)
def test_a_record_rounds_the_difference_up(difference: float, kept: float):
    assert Parity(10, difference, 9).to_record() == {"pictures": 10, "max_difference": kept, "same_top1": 9}


@pytest.mark.parametrize(
    "parity", [Parity(10, 2e-5, 10), Parity(10, 0.0, 9), Parity(10, float("nan"), 10)], ids=["values", "answers", "nan"]
)
def test_a_file_that_differs_is_refused(parity: Parity):
    with pytest.raises(ParityError, match="differs from Keras"):
        check_parity(parity)


def test_a_file_within_the_bound_is_accepted():
    check_parity(Parity(10, 1e-5, 10))


def test_border_pictures_keep_the_inside_and_drive_the_frame_to_the_extremes():
    photo = np.full((20, 20, 3), 90, np.uint8)
    black, white, noise, *flat = border_pictures([photo])
    inside = (slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))

    for framed in (black, white, noise):
        assert (framed[inside] == 90).all()
    assert (black[0] == 0).all()
    assert (white[:, -1] == 255).all()
    assert noise[0].std() > 50
    assert [picture.mean() for picture in flat[:2]] == [0, 255]
    assert len(flat) == 3
