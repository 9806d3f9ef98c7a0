import numpy as np
import pytest

from edge_infer.faces.decoding import OUTPUTS, Detections, best_of_overlapping, decode, overlaps

SHAPE = (12, 16)  # rows, columns: a picture of 48x64


def empty_maps() -> dict[str, np.ndarray]:
    return {name: np.zeros((channels, *SHAPE), np.float32) for name, channels in OUTPUTS.items()}


def put_face(
    maps: dict[str, np.ndarray], row: int, column: int, score: float, height: float, width: float
) -> dict[str, np.ndarray]:
    maps["heatmap"][0, row, column] = score
    maps["scale"][:, row, column] = np.log([height / 4, width / 4])
    maps["landmarks"][:, row, column] = (0.4, 0.3, 0.4, 0.7, 0.6, 0.5, 0.8, 0.35, 0.8, 0.65)  # y, x of five points
    return maps


def test_a_centre_becomes_a_box_with_landmarks() -> None:
    maps = put_face(empty_maps(), row=5, column=8, score=0.9, height=16, width=12)
    maps["offset"][:, 5, 8] = (0.25, -0.5)  # y, x in output pixels
    found = decode(maps, 0.5, 0.3)
    centre_y, centre_x = (5 + 0.25 + 0.5) * 4, (8 - 0.5 + 0.5) * 4
    assert found.boxes == pytest.approx(np.array([[centre_x - 6, centre_y - 8, centre_x + 6, centre_y + 8]]), abs=1e-4)
    assert found.scores == pytest.approx([0.9])
    left, top = centre_x - 6, centre_y - 8
    assert found.landmarks[0] == pytest.approx(
        np.array([left, top])
        + np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]) * np.array([12, 16]),
        abs=1e-4,
    )


def test_only_scores_from_the_threshold_on_count_and_the_best_comes_first() -> None:
    maps = put_face(empty_maps(), 2, 2, 0.6, 8, 8)
    put_face(maps, 9, 12, 0.8, 8, 8)
    put_face(maps, 2, 12, 0.49, 8, 8)
    assert decode(maps, 0.5, 0.3).scores.tolist() == pytest.approx([0.8, 0.6])
    assert len(decode(maps, 0.9, 0.3).scores) == 0


def test_of_two_centres_of_one_face_the_better_remains() -> None:
    maps = put_face(empty_maps(), 5, 8, 0.7, 20, 20)
    put_face(maps, 5, 9, 0.9, 20, 20)
    found = decode(maps, 0.5, 0.3)
    assert found.scores.tolist() == pytest.approx([0.9])
    assert decode(maps, 0.5, 0.99).scores.tolist() == pytest.approx([0.9, 0.7])


def test_nothing_gives_empty_arrays_of_the_right_shapes() -> None:
    found = decode(empty_maps(), 0.5, 0.3)
    assert (found.boxes.shape, found.scores.shape, found.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))


def test_a_map_full_of_faces_stays_bounded() -> None:
    maps = {name: np.zeros((channels, 200, 200), np.float32) for name, channels in OUTPUTS.items()}
    maps["heatmap"][:] = 0.9
    maps["scale"][:] = 80  # exp(80) would overflow a pixel count
    found = decode(maps, 0.5, 0.3)
    assert 1 <= len(found.scores) <= 1000
    assert np.isfinite(found.boxes).all()


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([0.0, 0.0, 10.0, 10.0])
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [30, 30, 40, 40], [2, 2, 4, 4]], float)
    assert overlaps(box, others).tolist() == pytest.approx([1, 50 / 150, 0, 0, 4 / 100])
    assert overlaps(np.zeros(4), np.zeros((1, 4))).tolist() == [0]


def test_equal_scores_keep_their_order() -> None:
    boxes = np.array([[0, 0, 10, 10], [100, 0, 110, 10], [1, 0, 11, 10]], float)
    assert best_of_overlapping(boxes, np.array([0.5, 0.5, 0.5]), 0.3).tolist() == [0, 1]


def test_detections_move_to_another_picture() -> None:
    found = Detections(np.array([[1.0, 2, 3, 4]]), np.array([0.5]), np.full((1, 5, 2), (1.0, 2.0)))
    moved = found.moved(np.array([10.0, 100.0]), np.array([5.0, 7.0]))
    assert moved.boxes.tolist() == [[15, 207, 35, 407]]
    assert moved.landmarks[0, 0].tolist() == [15, 207]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_detections_in_a_turned_square_are_turned_back(quarters: int) -> None:
    square = np.zeros((10, 10), int)
    square[1:3, 4:9] = 1  # left 4, top 1, right 9, bottom 3
    rows, columns = np.nonzero(np.rot90(square, quarters))
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], float)
    found = Detections(box, np.array([0.5]), np.array([box[0].reshape(2, 2)])).turned_back(quarters, 10)
    assert found.boxes.tolist() == [[4, 1, 9, 3]]
    assert found.scores.tolist() == [0.5]
    assert sorted(found.landmarks[0][:, 0].tolist()) == [4, 9]
    assert sorted(found.landmarks[0][:, 1].tolist()) == [1, 3]
    assert Detections(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2))).turned_back(quarters, 10).boxes.shape == (
        0,
        4,
    )
