import numpy as np
import pytest
from PIL import Image

from edge_infer.faces.close_ups import CLOSE_UP_SIDE, cut_square, squares_around


def gradient(width: int = 300, height: int = 200) -> Image.Image:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x % 256, y, (x + y) // 2], axis=-1).clip(1, 255).astype(np.uint8))


def test_a_square_shows_a_box_and_as_much_again() -> None:
    corners, sides = squares_around(np.array([[100.0, 50.0, 140.0, 110.0], [7.0, 7.0, 7.0, 7.0]]))
    assert sides.tolist() == [120, 1]
    assert corners.tolist() == [[60, 20], [6.5, 6.5]]


def test_a_square_inside_the_picture_is_a_part_of_it() -> None:
    image = gradient()
    assert (cut_square(image, np.array([20.0, 30.0]), 128.0) == np.asarray(image)[30:158, 20:148]).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_it_is_turned_counter_clockwise(quarters: int) -> None:
    corner = np.array([20.0, 30.0])
    upright = cut_square(gradient(), corner, 140.0)
    assert (cut_square(gradient(), corner, 140.0, quarters) == np.rot90(upright, quarters)).all()


def test_beyond_the_border_it_is_black_and_what_is_inside_keeps_its_shape() -> None:
    image = gradient()
    close_up = cut_square(image, np.array([-64.0, -32.0]), 128.0)
    assert (close_up[:32] == 0).all()
    assert (close_up[:, :64] == 0).all()
    assert (close_up[32:, 64:] == np.asarray(image)[:96, :64]).all()


@pytest.mark.parametrize("corner", [(-900.0, 20.0), (300.0, 200.0), (1e30, -1e30)])
def test_a_square_outside_is_black(corner: tuple[float, float]) -> None:
    close_up = cut_square(gradient(), np.array(corner), 50.0)
    assert close_up.shape == (CLOSE_UP_SIDE, CLOSE_UP_SIDE, 3)
    assert not close_up.any()


def test_a_picture_of_one_pixel() -> None:
    close_up = cut_square(Image.new("RGB", (1, 1), (7, 8, 9)), np.array([-0.5, -0.5]), 2.0)
    assert (close_up[32:96, 32:96] == (7, 8, 9)).all()
    assert (close_up[:32] == 0).all()
