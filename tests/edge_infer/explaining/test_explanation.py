"""Where a map lies in its picture: sums that are kept, boxes, crops, faces."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.explaining.explanation import ClassMap
from edge_infer.explaining.spreading import spread
from edge_infer.faces.crops import Region, cut, face_region
from edge_infer.faces.detector import Face
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from tests.support.pooled_model import write_pooled_model


def cells_with(*bright: tuple[int, int, float], shape: tuple[int, int] = (6, 8)) -> np.ndarray:
    cells = np.zeros(shape, np.float32)
    for row, column, value in bright:
        cells[row, column] = value
    return cells


def class_map(cells: np.ndarray, region: Region, size: tuple[int, int]) -> ClassMap:
    return ClassMap("stone", "other", 3.0, 3.0 - float(cells.sum()), cells, region, size)


@pytest.mark.parametrize("size", [(8, 6), (16, 12), (101, 57), (5, 4), (1, 1), (640, 480)])
def test_spreading_keeps_the_sum_at_any_size(size: tuple[int, int]) -> None:
    cells = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    drawn = spread(cells, size)
    assert drawn.shape == (2, size[1], size[0])
    assert drawn.dtype == np.float32
    assert drawn.sum(axis=(1, 2)) == pytest.approx(cells.sum(axis=(1, 2)), abs=1e-4)


def test_spreading_is_linear_between_the_centres_of_cells() -> None:
    drawn = spread(np.array([[0.0, 4.0]], np.float32), (8, 1))[0]
    assert drawn == pytest.approx([0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1])


def test_what_lies_beyond_the_grid_is_left_out() -> None:
    drawn = spread(np.ones((1, 4), np.float32), (8, 1), (-4.0, 0.0, 4.0, 1.0))[0]
    assert drawn == pytest.approx([0.5] * 4 + [0] * 4)


def test_the_peak_is_a_connected_place_of_at_least_half_the_largest_share() -> None:
    cells = cells_with((1, 2, 4.0), (1, 3, 2.5), (2, 3, 2.0), (3, 3, 1.9), (4, 6, 3.9), (5, 0, -9.0))
    found = class_map(cells, Region((400, 300), (800, 600)), (800, 600))
    assert found.peak == pytest.approx((250, 150))
    assert found.peak_box == pytest.approx((200, 100, 400, 300))


def test_nothing_that_speaks_for_a_class_is_no_peak() -> None:
    found = class_map(cells_with((1, 2, -4.0)), Region((40, 30), (80, 60)), (80, 60))
    assert found.peak is None
    assert found.peak_box is None


def test_a_turned_region_is_drawn_where_it_was_cut_from() -> None:
    """The brightest cell of a crop lies where the brightest spot of the picture was."""
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[120:126, 90:96] = 255
    region = Region((110, 110), (80, 80), pi / 5)
    crop = cut(Image.fromarray(picture), region, InputSpec(height=40, width=40))
    found = class_map(crop[..., 0].astype(np.float32), region, (300, 200))
    assert found.peak == pytest.approx((93, 123), abs=2)
    drawn = found.on_picture()
    assert drawn.shape == (200, 300)
    row, column = divmod(int(drawn.argmax()), 300)
    assert (column, row) == pytest.approx((93, 123), abs=2)
    assert drawn.sum() == pytest.approx(found.cells.sum(), rel=0.02)
    small = found.on_picture((150, 100))
    assert small.sum() == pytest.approx(found.cells.sum(), rel=0.03)
    row, column = divmod(int(small.argmax()), 150)
    assert (column, row) == pytest.approx((46.5, 61.5), abs=1)


@pytest.mark.parametrize("side", [40, 80, 120, 400])
@pytest.mark.parametrize("centre", [(1000.0, 750.0), (1030.0, 790.0)])
def test_a_small_turned_region_keeps_its_sum_on_a_coarse_grid(side: float, centre: tuple[float, float]) -> None:
    cells = np.full((14, 14), 1 / 196, np.float32)
    found = ClassMap("a", (), 1.0, 0.0, cells, Region(centre, (side, side), angle_rad=0.2), (2000, 1500))
    assert found.on_picture((24, 18)).sum() == pytest.approx(1, abs=0.02)


def test_a_peak_beyond_the_edge_of_the_picture_does_not_count() -> None:
    cells = cells_with((2, 0, 9.0), (2, 7, 4.0))
    found = class_map(cells, Region((0, 30), (80, 60)), (80, 60))  # its left half lies outside
    assert found.peak == pytest.approx((35, 25))
    assert found.peak_box == pytest.approx((30, 20, 40, 30))


def test_a_cropped_input_leaves_the_margins_at_zero(tmp_path) -> None:
    spec = InputSpec(height=32, width=32, resize="crop")
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx", input=spec), threads=1)
    picture = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    (found,) = classifier.explain(picture).maps
    drawn = found.on_picture()
    assert drawn.shape == (60, 100)
    assert np.abs(drawn[:, :20]).max() == np.abs(drawn[:, 80:]).max() == 0
    assert np.abs(drawn[:, 20:80]).min(axis=0).max() > 0
    assert drawn.sum() + found.bias == pytest.approx(found.logit, abs=1e-3)


def test_a_turned_picture_is_explained_upright(tmp_path) -> None:
    path = write_pooled_model(tmp_path / "small.onnx")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8))
    turned = Classifier(path, threads=1, rotate=90).explain(picture).maps[0]
    upright = Classifier(path, threads=1).explain(picture.transpose(Image.Transpose.ROTATE_270)).maps[0]
    assert turned.size == upright.size == (60, 100)
    assert np.allclose(turned.on_picture(), upright.on_picture(), atol=1e-3)


def test_each_face_has_its_own_map_within_its_crop(tmp_path) -> None:
    rule = FaceCrop(margin=0.2, upright=False)
    spec = InputSpec(height=32, width=32, face=rule)
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx", input=spec), threads=1)
    picture = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    landmarks = ((0.0, 0.0),) * 5
    faces = [Face((150, 40, 250, 140), 0.9, landmarks), Face((20, 60, 60, 120), 0.8, landmarks)]
    explanation = classifier.explain(picture, known_faces=faces)
    assert explanation.prediction == replace(
        classifier.classify(picture, known_faces=faces),
        peak_box=explanation.maps[0].peak_box,
        faces=explanation.prediction.faces,
    )
    assert explanation.faces is not None
    assert explanation.maps == explanation.faces[0]
    for face, (found,), answer in zip(faces, explanation.faces, explanation.prediction.faces, strict=True):
        assert found.region == face_region(face, rule)
        assert answer.peak_box == found.peak_box
        assert found.label == answer.scores[0].label
        assert {found.label, *found.against} == {score.label for score in answer.scores}
        drawn = found.on_picture()
        assert drawn.sum() + found.bias == pytest.approx(found.logit, abs=1e-3)
        left, top, right, bottom = (round(value) for value in face.box)
        inside = drawn[top - 20 : bottom + 20, left - 20 : right + 20]
        assert np.abs(inside).sum() == pytest.approx(np.abs(drawn).sum())
    assert explanation.prediction.to_record()["faces"][1]["peak_box"] == list(explanation.faces[1][0].peak_box)


def test_faces_are_refused_by_a_model_that_looks_for_none(tmp_path) -> None:
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx"), threads=1)
    with pytest.raises(ValueError, match="looks for no faces"):
        classifier.explain(np.zeros((40, 40, 3), np.uint8), known_faces=[])
