from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import LANDMARKS, picture_with_faces
from edge_infer import FaceDetector
from edge_infer.errors import ImageDecodeError, MetadataError, ModelOutputError, ProviderError
from edge_infer.faces.decoding import OUTPUTS, overlaps
from edge_infer.faces.detector import Face
from edge_infer.faces.orientation import quarter_turns
from edge_infer.model_file.metadata import METADATA_KEY, DetectorMetadata
from edge_infer.model_file.registry import bundled_models
from tests.conftest import drawn

# A drawing is not what the detector was trained on; its scores are lower than those of photos.
DRAWN_MIN_SCORE = 0.3


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(threads=1, min_score=DRAWN_MIN_SCORE)


def expected_box(left: int, top: int, height: int) -> np.ndarray:
    """The detector's boxes go from the hairline to the chin."""
    return np.array([left + 0.06 * height, top + 0.18 * height, left + 0.69 * height, top + 0.97 * height])


def assert_found(faces: tuple[Face, ...], placed: list[tuple[int, int, int]]) -> None:
    assert len(faces) == len(placed)
    for place in placed:
        assert max(overlaps(expected_box(*place), np.array([face.box for face in faces]))) >= 0.5


def test_a_face_is_found_with_its_box_score_and_landmarks(detector: FaceDetector) -> None:
    (face,) = detector.detect(picture_with_faces((640, 480), [(250, 100, 160)]))
    assert_found((face,), [(250, 100, 160)])
    assert DRAWN_MIN_SCORE <= face.score <= 1
    expected = np.array(LANDMARKS) * 160 + (250, 100)
    assert np.abs(np.array(face.landmarks) - expected).max() < 10
    assert all(isinstance(value, float) for value in (*face.box, face.score, *face.landmarks[0]))


@pytest.mark.parametrize("height", [44, 90, 200, 300])
def test_faces_of_all_sizes_are_found(detector: FaceDetector, height: int) -> None:
    assert_found(detector.detect(picture_with_faces((640, 480), [(200, 40, height)])), [(200, 40, height)])


def test_several_faces_come_largest_first(detector: FaceDetector) -> None:
    placed = [(30, 200, 80), (180, 60, 200), (480, 120, 120)]
    faces = detector.detect(picture_with_faces((640, 480), placed))
    assert_found(faces, placed)
    areas = [face.width * face.height for face in faces]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.slow
def test_a_crowd_of_thirty(detector: FaceDetector) -> None:
    placed = [(20 + 125 * column, 10 + 140 * row, 80) for row in range(5) for column in range(6)]
    assert len(detector.detect(picture_with_faces((780, 720), placed))) >= 24


@pytest.mark.parametrize("picture", [drawn((120, 75, 40), (640, 480)), Image.new("RGB", (500, 300), "white")])
def test_no_face_is_an_empty_tuple(detector: FaceDetector, picture: Image.Image) -> None:
    assert detector.detect(picture) == ()


def test_noise_holds_no_face() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    assert FaceDetector(threads=1).detect(noise) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (20_000, 20), (7, 5), (33, 31)])
def test_pictures_of_odd_sizes_are_looked_at(detector: FaceDetector, size: tuple[int, int]) -> None:
    assert detector.detect(Image.new("RGB", size, (90, 120, 60))) == ()


def test_a_face_in_a_wide_panorama(detector: FaceDetector) -> None:
    faces = detector.detect(picture_with_faces((1600, 400), [(700, 60, 240)]))
    assert_found(faces, [(700, 60, 240)])


def test_a_greyscale_picture(detector: FaceDetector) -> None:
    assert len(detector.detect(picture_with_faces((640, 480), [(250, 100, 160)]).convert("L"))) == 1


@pytest.mark.parametrize("place", [(-30, 120, 200), (520, 120, 200)])
def test_a_face_cut_by_the_border_has_a_box_inside_the_picture(
    detector: FaceDetector, place: tuple[int, int, int]
) -> None:
    picture = picture_with_faces((640, 480), [place])
    for face in detector.detect(picture):
        left, top, right, bottom = face.box
        assert 0 <= left < right <= picture.width
        assert 0 <= top < bottom <= picture.height


@pytest.mark.slow
def test_boxes_are_in_pixels_of_the_upright_full_size_picture(detector: FaceDetector, tmp_path: Path) -> None:
    picture = picture_with_faces((2400, 3200), [(900, 700, 1100)])
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by 90 degrees
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=90)
    assert_found(detector.detect(str(path)), [(900, 700, 1100)])  # decoded at a quarter of the size


def test_a_portrait_is_found_although_it_fills_the_picture(detector: FaceDetector) -> None:
    picture = picture_with_faces((640, 480), [(250, 100, 160)]).crop((255, 120, 365, 262)).resize((660, 852))
    (face,) = detector.detect(picture)
    assert face.width * face.height > 0.5 * picture.width * picture.height


@pytest.mark.slow
def test_no_face_is_found_twice() -> None:
    """Two doubtful places may lead to close-ups of one face."""
    detector = FaceDetector(threads=1, min_score=DRAWN_MIN_SCORE)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        placed = [(100 + 400 * i, int(rng.integers(100, 500)), int(rng.integers(40, 60))) for i in range(3)]
        boxes = np.array([face.box for face in detector.detect(picture_with_faces((1280, 720), placed))])
        for i, box in enumerate(boxes):
            assert (overlaps(box, np.delete(boxes, i, axis=0)) <= 0.3).all()


def test_close_ups_find_the_small_faces_beside_a_large_one() -> None:
    picture = picture_with_faces((640, 480), [(230, 60, 260), (60, 60, 36), (560, 60, 36)])
    found = [
        len(FaceDetector(threads=1, min_score=0.5, candidate_score=score).detect(picture)) for score in (None, 1.0)
    ]
    assert found[0] > found[1] >= 1


def test_a_higher_min_score_finds_less() -> None:
    picture = picture_with_faces((640, 480), [(250, 100, 160)])
    assert FaceDetector(threads=1, min_score=0.99).detect(picture) == ()


def test_the_answer_is_the_same_every_time(detector: FaceDetector) -> None:
    picture = picture_with_faces((640, 480), [(30, 200, 80), (180, 60, 200)])
    assert detector.detect(picture) == detector.detect(np.asarray(picture))


def test_the_bundled_detector_says_what_it_is() -> None:
    meta = FaceDetector().metadata
    assert (meta.name, meta.task, meta.precision, meta.licence) == ("faces", "faces", "int8", "MIT")
    assert "Martin Drawitsch" in meta.attribution[0]
    assert meta.accuracy["found"] / meta.accuracy["faces"] >= 0.97
    assert meta.accuracy["agreement_with_fp32"] >= 0.99
    assert bundled_models()["faces"].size_bytes <= 2_500_000


def test_a_damaged_picture_is_an_input_error(detector: FaceDetector) -> None:
    with pytest.raises(ImageDecodeError, match="not a picture"):
        detector.detect(b"no picture")


@pytest.mark.parametrize(("options", "message"), [({"threads": 0}, "threads"), ({"min_score": 1.5}, "min_score")])
def test_wrong_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FaceDetector(**options)


def test_an_unknown_provider() -> None:
    with pytest.raises(ProviderError, match="tpu"):
        FaceDetector(provider="tpu")


def test_a_classifier_is_no_face_detector(tiny_model_path: Path) -> None:
    with pytest.raises(MetadataError, match="is a classifier, where a face detector is needed"):
        FaceDetector(tiny_model_path)


Change = Callable[[onnx.ModelProto], None]


@pytest.fixture
def changed_detector(tmp_path: Path) -> Callable[[Change], Path]:
    def write(change: Change) -> Path:
        model = onnx.load(bundled_models()["faces"].path)
        change(model)
        path = tmp_path / "changed.onnx"
        onnx.save(model, path)
        return path

    return write


def test_a_graph_with_other_outputs_is_refused(changed_detector: Callable[[Change], Path]) -> None:
    path = changed_detector(lambda model: model.graph.output.pop())
    with pytest.raises(MetadataError, match="not that of a face detector"):
        FaceDetector(path)


def test_maps_that_are_not_finite_are_an_error(changed_detector: Callable[[Change], Path]) -> None:
    def divide_by_zero(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.output[:] = ["scale_before" if name == "scale" else name for name in node.output]
        zero = onnx.numpy_helper.from_array(np.zeros(1, np.float32), "zero")
        model.graph.initializer.append(zero)
        model.graph.node.append(onnx.helper.make_node("Div", ["scale_before", "zero"], ["scale"]))

    with pytest.raises(ModelOutputError, match="scale is not a map of finite numbers"):
        FaceDetector(changed_detector(divide_by_zero)).detect(Image.new("RGB", (64, 64)))


@pytest.mark.parametrize(
    ("field", "value"), [("long_side", 0), ("long_side", "448"), ("multiple", 5000), ("candidate_score", -0.1)]
)
def test_metadata_of_a_detector_is_checked(
    changed_detector: Callable[[Change], Path], field: str, value: object
) -> None:
    def set_field(model: onnx.ModelProto) -> None:
        import json

        entry = next(p for p in model.metadata_props if p.key == METADATA_KEY)
        entry.value = json.dumps(json.loads(entry.value) | {field: value})

    with pytest.raises(MetadataError, match=field):
        FaceDetector(changed_detector(set_field))


def test_detector_metadata_survives_the_round_trip() -> None:
    from edge_infer.model_file.metadata import parse_metadata

    meta = FaceDetector().metadata
    assert parse_metadata(meta.to_json()) == meta
    assert isinstance(replace(meta, name="other"), DetectorMetadata)


def test_the_network_has_the_outputs_that_are_decoded() -> None:
    graph = onnx.load(bundled_models()["faces"].path).graph
    assert [value.name for value in graph.output] == list(OUTPUTS)


def test_real_portraits(real_data: Path) -> None:
    """Nearly every training crop is found, although the faces fill them."""
    detector = FaceDetector()
    crops = sorted((real_data / "faces").rglob("*.jpg"))[::23]
    found = sum(bool(detector.detect(path)) for path in crops)
    assert found >= 0.99 * len(crops)


def test_gem_photos_hold_no_faces(real_data: Path) -> None:
    detector = FaceDetector()
    photos = sorted((real_data / "gems").rglob("*.jpg"))[::3]
    assert sum(len(detector.detect(path)) for path in photos) <= len(photos) / 100


def test_find_again_finds_no_new_face_and_costs_less() -> None:
    detector = FaceDetector()
    both = picture_with_faces((320, 240), [(20, 80, 80), (180, 50, 110)])
    largest, other = detector.detect_in(both)
    (again,) = detector.find_again(both, [other])
    assert overlaps(np.array(other.box), np.array([again.box]))[0] > 0.8
    assert len(detector.find_again(both, [other, largest])) == 2
    assert detector.find_again(picture_with_faces((320, 240), []), [other]) == ()
    assert detector.find_again(both, []) == ()


@pytest.mark.parametrize("tilt_deg", [0, 90, 270])
def test_a_turned_face_has_its_landmarks_where_they_are(tilt_deg: int) -> None:
    detector = FaceDetector(threads=1)
    picture = picture_with_faces((640, 480), [(200, 100, 200)], tilt_deg)
    (face,) = detector.detect(picture)
    middle, drawn_at = np.array([275.0, 200.0]), np.array(LANDMARKS) * 200 + (200, 100)
    turn = np.deg2rad(tilt_deg)
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    assert np.abs(np.array(face.landmarks) - ((drawn_at - middle) @ back + middle)).max() < 12
    assert quarter_turns(face.landmarks) == tilt_deg // 90
    assert face.is_clear
    (again,) = detector.find_again(picture, [face])
    assert np.abs(np.array(again.landmarks) - np.array(face.landmarks)).max() < 8


def test_a_face_that_no_close_up_shows_is_kept_but_not_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_with_faces((640, 480), [(200, 60, 240)])
    detector = FaceDetector(threads=1)
    (plain,) = detector.detect_in(picture)
    assert 0.5 < plain.score < 0.65  # so it is looked at once more
    monkeypatch.setattr(FaceDetector, "_close_ups", lambda self, image, boxes, turns=None: [None] * len(boxes))
    assert detector.detect_in(picture) == (replace(plain, is_clear=False),)


@pytest.mark.parametrize(("height", "is_clear"), [(36, True), (22, False)])
def test_a_tiny_face_is_not_clear(height: int, is_clear: bool) -> None:
    small = picture_with_faces((640, 480), [(200, 60, 240)]).resize((640 * height // 240, 480 * height // 240))
    (face,) = FaceDetector(threads=1, min_score=0.3).detect(small)
    assert (face.height >= 20) is face.is_clear is is_clear
    assert face.scaled((10, 10)).is_clear is is_clear


def test_a_quick_search_leaves_out_the_look_for_small_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, sides = FaceDetector(), []
    look = FaceDetector._detect_at
    monkeypatch.setattr(
        FaceDetector, "_detect_at", lambda self, image, side: (sides.append(side), look(self, image, side))[1]
    )
    empty = picture_with_faces((640, 480), [])
    assert detector.detect_in(empty) == detector.detect_in(empty, quick=True) == ()
    assert sides == [448, 160, 896, 448, 160]


def test_real_faces_are_turned_upright(real_data: Path) -> None:
    """Those that are found at all: CenterFace misses some."""
    detector = FaceDetector()
    crops = [Image.open(path).convert("RGB") for path in sorted((real_data / "faces").rglob("*.jpg"))[::46]]
    for quarters in (0, 1, 2, 3):
        # `rotate` turns counter-clockwise.
        found = [faces for crop in crops if (faces := detector.detect(crop.rotate(-90 * quarters, expand=True)))]
        right = sum(quarter_turns(faces[0].landmarks) == quarters for faces in found)
        assert len(found) >= 0.75 * len(crops)
        assert right >= 0.97 * len(found)
