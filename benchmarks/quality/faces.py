"""Measure finding and classifying faces: composed scenes, pictures without people, portraits, time.

    python -m benchmarks.quality.faces RUN --model out/gender-fp32.onnx --backgrounds DIR --json FACES.json
    python -m benchmarks.pages              # write its tables into the docs

RUN is the finished run of the classifier: only its test photos are put into scenes. In a
scene with one face, a face that is not found counts as a wrong answer.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.samples import summarize_ms
from benchmarks.harness.timing import interleave
from edge_infer import Classifier, FaceDetector
from edge_infer.faces.decoding import overlaps
from edge_infer.pictures.finding.folders import find_images
from edge_infer.pictures.loading import load_rgb
from edge_infer.results import FacePrediction
from export.faces.detector import MEASURED_SCENES, MIN_OVERLAP, compose_scenes, measure
from export.faces.scenes import SCENE_SIZE, ComposedScene, compose
from train.console import run as run_command
from train.data.photos import Photo, find_photos
from train.files import write_json
from train.metrics import wilson_interval
from train.progress import track
from train.recipes import Augmentation
from train.runs.folder import RunFolder
from train.views.augmentation import relight

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
MODEL = click.Path(exists=True, dir_okay=False, path_type=Path)
HEIGHTS_PX = (32, 48, 64, 96, 160, 300)
SCORES = (0.5, 0.6, 0.7, 0.8, 1.01)
THREADS = 2
# Harder than anything seen in training; nothing that moves the face.
HEAVY = Augmentation(
    brightness=0.4,
    contrast=0.4,
    gamma=0.5,
    tint=0.15,
    saturation=0.6,
    grey_share=0.3,
    blurred_share=0.5,
    jpeg_share=0.7,
)

Answered = tuple[str, str | None, float, float]  # truth, answer, face height in pixels, detection score


def answer_scenes(
    classifier: Classifier, photos: Sequence[Photo], backgrounds: Sequence[str], policy: Augmentation, seed: int
) -> list[Answered]:
    """Put each photo's face into a scene, and return what the classifier says of it there."""
    answers: list[Answered] = []
    for number, photo in enumerate(track(photos, "Answering for composed scenes")):
        rng = np.random.default_rng([seed, number])
        scene, height = compose_one(photo, backgrounds, rng)
        picture = relight(np.asarray(scene.image), policy, rng)
        faces = classifier.classify(picture).faces or ()
        face = _same_face(scene.boxes[0], faces)
        answers.append((photo.label, face.label if face else None, height, face.detection_score if face else 0.0))
    return answers


def compose_one(photo: Photo, backgrounds: Sequence[str | Path], rng: np.random.Generator) -> tuple[ComposedScene, int]:
    """Put a photo's face into a background, as large as drawn from `HEIGHTS_PX`; return its height in pixels too."""
    height = int(np.exp(rng.uniform(*np.log((HEIGHTS_PX[0], HEIGHTS_PX[-1])))))
    background = load_rgb(backgrounds[int(rng.integers(len(backgrounds)))])
    return compose([load_rgb(photo.path)], background, [height], rng), height


def _same_face(box: tuple[int, int, int, int], faces: Sequence[FacePrediction]) -> FacePrediction | None:
    shared = overlaps(np.array(box, float), np.array([face.box for face in faces]).reshape(-1, 4))
    return faces[int(shared.argmax())] if (shared >= MIN_OVERLAP).any() else None


def share_right(answers: Iterable[Answered]) -> dict[str, Any]:
    """Return counts and accuracy with its 95 % interval; a face that was not found is wrong."""
    answers = list(answers)
    right = sum(truth == answer for truth, answer, *_ in answers)
    found = sum(answer is not None for _, answer, *_ in answers)
    record: dict[str, Any] = {"faces": len(answers), "found": found, "right": right}
    if answers:
        record |= {"accuracy": right / len(answers), "accuracy_95": wilson_interval(right, len(answers))}
    return record


def by_kind(answers: Sequence[Answered]) -> dict[str, Any]:
    """Return accuracy overall, by class, by face height and by detection score."""
    heights = pairwise(HEIGHTS_PX)
    scores = pairwise(SCORES)
    return {
        "all": share_right(answers),
        "by_class": {
            label: share_right(a for a in answers if a[0] == label) for label in sorted({a[0] for a in answers})
        },
        "by_height_px": {
            f"{low}-{high}": share_right(a for a in answers if low <= a[2] < high or a[2] == high == HEIGHTS_PX[-1])
            for low, high in heights
        },
        "by_detection_score": {
            f"{low:g}-{min(high, 1):g}": share_right(a for a in answers if low <= a[3] < high) for low, high in scores
        },
    }


def answer_portraits(classifier: Classifier, folder: Path) -> dict[str, Any]:
    """Answer for whole photos of one person each, in class folders; no face found is a wrong answer."""
    answers: list[Answered] = []
    for photo in track(find_photos(folder), "Answering for portraits"):
        prediction = classifier.classify(photo.path)
        face = prediction.faces[0] if prediction.faces else None
        size = face.box[3] - face.box[1] if face else 0.0
        answers.append((photo.label, face.label if face else None, size, face.detection_score if face else 0.0))
    labels = sorted({answer[0] for answer in answers})
    return {
        "all": share_right(answers),
        "by_class": {label: share_right(a for a in answers if a[0] == label) for label in labels},
    }


def answer_no_people(classifier: Classifier, folder: Path) -> dict[str, int]:
    """Count the pictures without people that show a face to the detector, and that get a certain answer."""
    results = [classifier.classify(path) for path in track(shuffled_pictures(folder), "Answering for other pictures")]
    return {
        "pictures": len(results),
        "with_false_faces": sum(bool(result.faces) for result in results),
        "certain": sum(result.is_certain for result in results),
    }


def time_faces(model: Path, picture: np.ndarray) -> dict[str, Any]:
    """Time detector and classifier on a 640x480 picture with one face, `THREADS` threads."""
    detector, classifier = FaceDetector(threads=THREADS), Classifier(model, threads=THREADS)
    whole = Classifier(model, threads=THREADS, faces="never")
    crop = np.asarray(Image.fromarray(picture).resize((120, 120)))
    seconds = interleave(
        {
            "detector": lambda: detector.detect(picture),
            "detector_and_classifier": lambda: classifier.classify(picture),
            "classifier": lambda: whole.classify(crop),
        },
        rounds=60,
        warm_up=5,
    )
    return {f"{name}_ms": summarize_ms(values) for name, values in seconds.items()}


def shuffled_pictures(folder: Path) -> list[str]:
    """Return the pictures in a folder and its sub-folders, in an order that is the same each time."""
    paths = find_images(folder, recursive=True)
    if not paths:
        raise click.UsageError(f"{folder} holds no pictures")
    return [paths[i] for i in np.random.default_rng(0).permutation(len(paths))]


@click.command()
@click.argument("run", type=FOLDER)
@click.option("--model", type=MODEL, required=True, help="The classifier's model file.")
@click.option("--data", type=FOLDER, help="The run's photos, if they have moved.")
@click.option("--backgrounds", type=FOLDER, required=True, help="Photos without faces.")
@click.option("--portraits", type=FOLDER, help="Whole photos of one person each, in class folders.")
@click.option("--no-people", type=FOLDER, help="Pictures of anything else.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(
    run: Path,
    model: Path,
    data: Path | None,
    backgrounds: Path,
    portraits: Path | None,
    no_people: Path | None,
    json_path: Path | None,
) -> None:
    """Measure the face detector and a classifier of faces."""
    classifier = Classifier(model, threads=THREADS)
    folder = RunFolder(run)
    test = folder.data(folder.dataset(data)).part_photos("test")
    photos = shuffled_pictures(backgrounds)
    crops = [photo.path for photo in test]
    composed = compose_scenes(crops, [Path(path) for path in photos], MEASURED_SCENES, seed=3)
    detector = FaceDetector()
    false_faces = sum(len(detector.detect(path)) for path in track(photos, "Looking for false faces"))
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": machine(),
        "scenes": {**measure(detector, composed), "size": SCENE_SIZE, "heights_px": (HEIGHTS_PX[0], HEIGHTS_PX[-1])},
        "scenes_without_close_ups": measure(FaceDetector(candidate_score=1), composed),
        "backgrounds": {"photos": len(photos), "false_faces": false_faces},
        "composed": by_kind(answer_scenes(classifier, test, photos, Augmentation(), seed=4)),
        "damaged": by_kind(answer_scenes(classifier, test, photos, HEAVY, seed=4)),
    }
    if portraits:
        result["portraits"] = answer_portraits(classifier, portraits)
    if no_people:
        result["no_people"] = answer_no_people(classifier, no_people)
    one_face = next(
        scene for scene in composed if len(scene.boxes) == 1 and scene.boxes[0][3] - scene.boxes[0][1] > 100
    )
    result["time"] = {"threads": THREADS, **time_faces(model, np.asarray(one_face.image))}
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.faces", interrupted="Interrupted; nothing was written.")
