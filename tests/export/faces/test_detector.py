from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.faces.detector import FaceDetector
from export.errors import OutputExistsError
from export.faces.detector import agreement, export_face_detector, measure
from export.faces.scenes import ComposedScene
from train.errors import DataError

PLACES = [(60, 60, 150), (350, 100, 200)]


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(threads=1, min_score=0.3)


def scene(places: list[tuple[int, int, int]], claimed: list[tuple[int, int, int]] | None = None) -> ComposedScene:
    boxes = [
        (round(x + 0.06 * h), round(y + 0.18 * h), round(x + 0.69 * h), round(y + 0.97 * h))
        for x, y, h in (places if claimed is None else claimed)
    ]
    return ComposedScene(picture_with_faces((640, 480), places), boxes)


def test_found_missed_and_false_faces_are_counted(detector: FaceDetector) -> None:
    scenes = [scene(PLACES), scene(PLACES[:1], claimed=[*PLACES[:1], (420, 20, 100)]), scene(PLACES, claimed=[])]
    assert measure(detector, scenes) == {"scenes": 3, "faces": 4, "found": 3, "false_faces": 2}


def test_agreement_is_the_share_of_the_references_boxes(detector: FaceDetector) -> None:
    scenes = [scene(PLACES)]
    assert agreement(detector, detector, scenes) == 1
    assert agreement(detector, FaceDetector(threads=1, min_score=0.99), scenes) == 0
    empty = [ComposedScene(Image.fromarray(np.zeros((64, 64, 3), np.uint8)), [])]
    assert agreement(detector, detector, empty) == 0


def test_folders_without_pictures_and_existing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "faces-int8.onnx").touch()
    with pytest.raises(OutputExistsError, match="remove it"):
        export_face_detector(tmp_path, tmp_path, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        export_face_detector(tmp_path / "none", tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="holds no pictures"):
        export_face_detector(tmp_path, tmp_path, tmp_path / "out")
