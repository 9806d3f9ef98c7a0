"""What people see: blue where a place speaks for the label, orange where it speaks against it, even steps between."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.explaining.drawing import caption, explained_picture, under_map
from edge_infer.explaining.explanation import ClassMap, Explanation
from edge_infer.faces.crops import Region
from edge_infer.pictures.drawing.annotate import CERTAIN_RGB, UNCERTAIN_RGB
from edge_infer.pictures.drawing.heat import draw_heat, map_size, scale_rgb, to_oklab
from edge_infer.results import LabelScore, Prediction
from tests.support.pooled_model import coloured_pictures, write_pooled_model

GREY = (128, 128, 128)
PURPLE = (120, 40, 160)


def explanation(cells: np.ndarray, size: tuple[int, int] = (400, 300)) -> Explanation:
    scores = (LabelScore("Opal", 0.8), LabelScore("Larimar", 0.2))
    region = Region((size[0] / 2, size[1] / 2), (float(size[0]), float(size[1])))
    found = ClassMap("Opal", ("Larimar",), 1.4, 0.2, cells.astype(np.float32), region, size)
    return Explanation(
        Prediction("a.jpg", "gems", "gems", scores, 0.5, peak_box=found.peak_box), (found,), None, "exact"
    )


def test_the_scale_is_even_and_has_the_colours_of_answers_at_its_ends() -> None:
    scale = scale_rgb()
    assert scale.shape == (255, 3)
    assert tuple(scale[0]) == UNCERTAIN_RGB
    assert tuple(scale[-1]) == CERTAIN_RGB
    lab = to_oklab(scale)
    for half in (lab[:128], lab[127:]):
        steps = np.linalg.norm(half[8::8] - half[:-8:8], axis=1)
        assert steps.max() < 1.15 * steps.min()


def test_without_red_or_green_receptors_the_sides_still_differ() -> None:
    """Vienot, Brettel, Mollon 1999, on linear RGB: blue and orange stay apart along blue against yellow."""
    linear = (scale_rgb() / 255.0) ** 2.2
    for red_green in ((0.11238, 0.88762), (0.29275, 0.70725)):
        seen = np.stack([linear[:, :2] @ red_green, linear[:, 2]], axis=1)
        blueness = seen[:, 1] - seen[:, 0]
        assert blueness[127] - blueness[0] > 0.1
        assert blueness[-1] - blueness[127] > 0.1


def test_a_place_is_tinted_by_what_it_says_and_the_rest_shows_the_photo() -> None:
    heat = np.zeros((3, 4), np.float32)
    heat[0, 0], heat[2, 3] = 2.0, -2.0
    drawn = np.asarray(draw_heat(Image.new("RGB", (400, 300), GREY), heat)).astype(int)
    assert (drawn[130:170, 180:220] == GREY).all()
    blue, orange = drawn[20, 20], drawn[280, 380]
    assert blue[2] > blue[0] + 80
    assert orange[0] > orange[2] + 80
    assert (np.asarray(draw_heat(Image.new("RGB", (40, 30), GREY), np.zeros((3, 4), np.float32))) == GREY).all()


def test_a_map_is_drawn_small_and_in_shape() -> None:
    assert map_size((4000, 3000)) == (128, 96)
    assert map_size((100, 50)) == (100, 50)
    assert map_size((10_000, 1)) == (128, 1)


@pytest.mark.parametrize("size", [(400, 300), (3000, 4000), (20, 30), (1, 1), (2000, 3)])
def test_photo_and_map_in_grey_lie_side_by_side_over_a_caption(size: tuple[int, int]) -> None:
    cells = np.zeros((6, 8))
    cells[1, 1], cells[4, 6] = 1, -1
    sheet = explained_picture(Image.new("RGB", size, PURPLE), explanation(cells, size))
    factor = min(1, 1024 / max(size))
    width, height = (max(1, round(side * factor)) for side in size)
    assert sheet.width >= 2 * width + 8
    assert height + 20 < sheet.height < height + 0.1 * height + 40
    if min(size) < 100:
        return
    pixels = np.asarray(sheet).astype(int)
    right = pixels[:height, width + 8 : 2 * width + 8]
    assert tuple(pixels[height // 2, width // 2]) == PURPLE
    corner = right[5, -5]
    assert corner.max() - corner.min() <= 2
    above = right[int(height * 0.27), int(width * 0.2)]
    assert above[2] > above[0] + 40
    below = right[int(height * 0.75), int(width * 0.81)]
    assert below[0] > below[2] + 40


def test_the_caption_says_what_is_compared_and_how() -> None:
    exact = explanation(np.eye(3))
    assert caption(exact) == "blue: speaks for Opal, orange: for Larimar"
    to_several = replace(exact.maps[0], against=("Larimar", "Emerald"))
    measured = replace(exact, maps=(to_several,), method="occlusion")
    assert caption(measured) == "blue: speaks for Opal, orange: against (measured by covering parts)"


def test_the_peak_is_framed(tmp_path: Path) -> None:
    cells = np.zeros((6, 8))
    cells[2, 3] = 1
    drawn = under_map(Image.new("RGB", (400, 300), GREY), explanation(cells))
    left, top, right, bottom = (round(value) for value in explanation(cells).maps[0].peak_box)
    for x, y in ((left, 120), (right, 120), (170, top), (170, bottom)):
        assert drawn.getpixel((x, y)) == (255, 255, 255)


def test_a_real_explanation_is_drawn(tmp_path: Path) -> None:
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx"), threads=1)
    picture = next(coloured_pictures())
    drawn = under_map(Image.fromarray(picture), classifier.explain(picture))
    assert drawn.size == (64, 48)
    assert np.abs(np.asarray(drawn).astype(int) - picture).mean() > 2
