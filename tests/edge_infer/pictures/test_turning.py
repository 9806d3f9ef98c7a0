import numpy as np
import pytest
from PIL import Image

from edge_infer.pictures.turning import TURNS, as_turn, next_turn, turned


def test_a_picture_is_turned_clockwise() -> None:
    corners = Image.fromarray(np.array([[1, 2], [3, 4], [5, 6]], np.uint8))
    rows = {turn: np.asarray(turned(corners, turn)).tolist() for turn in TURNS}
    assert rows == {
        0: [[1, 2], [3, 4], [5, 6]],
        90: [[5, 3, 1], [6, 4, 2]],
        180: [[6, 5], [4, 3], [2, 1]],
        270: [[2, 4, 6], [1, 3, 5]],
    }


def test_turns_go_round() -> None:
    assert [next_turn(turn) for turn in TURNS] == [90, 180, 270, 0]
    assert [as_turn(degrees) for degrees in (None, 0, "90", 270)] == [0, 0, 90, 270]


@pytest.mark.parametrize("degrees", [45, -90, 360, "1"])
def test_other_angles_are_refused(degrees: int | str) -> None:
    with pytest.raises(ValueError, match=f"a picture is turned by 0, 90, 180, 270 degrees, not {degrees}"):
        as_turn(degrees)
