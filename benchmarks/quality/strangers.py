"""Measure how quiet a model of faces is about everything else: pages, things, faces that are turned.

    python -m benchmarks.quality.strangers --faces FACES --backgrounds GEMS --others THINGS --json STRANGERS.json

FACES are the photos the model was trained on, in class folders: only those held out are turned, alone
and in composed scenes. The pages of text are drawn (`benchmarks.quality.drawn_pages`). A picture's answer is that
for its largest face.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.quality.drawn_pages import draw_pages
from benchmarks.quality.faces import compose_one, shuffled_pictures
from edge_infer import Classifier, Prediction
from edge_infer.pictures.loading import load_rgb
from train.console import run as run_command
from train.data.dataset import Dataset
from train.data.photos import Photo
from train.data.run_data import read_run_data
from train.files import write_json
from train.progress import track
from train.recipes import RECIPES

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PAGES = 500
# Counter-clockwise, as a camera that hangs on its side or upside down sees them.
TURNS = {
    0: None,
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """What must hold.

    Attributes:
        what: In words.
        certain: How many answers break the rule.
        pictures: Of how many.
        largest: The largest share allowed, 0–1.
    """

    what: str
    certain: int
    pictures: int
    largest: float

    @property
    def holds(self) -> bool:
        """Whether no more do."""
        return self.certain <= self.largest * self.pictures

    def __str__(self) -> str:
        """Say it in one line."""
        share = self.certain / max(self.pictures, 1)
        return (
            f"{self.what}: {self.certain} of {self.pictures} ({share:.2%}), allowed {self.largest:.0%}: "
            f"{'holds' if self.holds else 'BROKEN'}"
        )


def answer_strangers(results: Iterable[Prediction]) -> dict[str, int]:
    """Count pictures that show no face: those that seem to, and those with a certain answer."""
    counts = {"pictures": 0, "with_false_faces": 0, "certain": 0}
    for result in results:
        counts["pictures"] += 1
        counts["with_false_faces"] += bool(result.faces)
        counts["certain"] += result.is_certain
    return counts


def answer_pages(classifier: Classifier, count: int = PAGES) -> dict[str, dict[str, int]]:
    """Answer for drawn pages, by kind."""
    answers: dict[str, list[Prediction]] = {}
    for kind, page in draw_pages(count):
        answers.setdefault(kind, []).append(classifier.classify(page))
    return {kind: answer_strangers(results) for kind, results in answers.items()}


def answer_turned(classifier: Classifier, pictures: Iterable[tuple[str, Image.Image]]) -> dict[str, dict[str, int]]:
    """Answer for pictures of one face, each turned by every quarter.

    Args:
        classifier: The model.
        pictures: Label and picture, upright.

    Returns:
        By the angle in degrees: pictures, faces found, right, certain, and certain but wrong.
    """
    counts = {
        str(angle): dict.fromkeys(("pictures", "found", "right", "certain", "certain_and_wrong"), 0) for angle in TURNS
    }
    for label, picture in pictures:
        for angle, turn in TURNS.items():
            result = classifier.classify(picture if turn is None else picture.transpose(turn))
            count, is_right = counts[str(angle)], bool(result.faces) and result.label == label
            count["pictures"] += 1
            count["found"] += bool(result.faces)
            count["right"] += is_right
            count["certain"] += result.is_certain
            count["certain_and_wrong"] += result.is_certain and not is_right
    return counts


def in_scenes(photos: Sequence[Photo], backgrounds: Sequence[str], seed: int) -> Iterator[tuple[str, Image.Image]]:
    """Compose each photo's face into a background, as `benchmarks.quality.faces` does."""
    for number, photo in enumerate(photos):
        scene, _ = compose_one(photo, backgrounds, np.random.default_rng([seed, number]))
        # Pixels only: the scene has inherited what the background's file says of its colours.
        yield photo.label, Image.fromarray(np.asarray(scene.image))


def bounds_of(result: dict[str, Any]) -> list[Bound]:
    """Return what must hold of the measured figures."""
    pages = result["pages"].values()
    bounds = [Bound("pages with a certain answer", *_sums(pages, "certain"), 0)]
    bounds += [Bound(f"{name}, certain", *_sums([part], "certain"), 0.01) for name, part in result["others"].items()]
    for name, angles in result["turned"].items():
        turned = [count for angle, count in angles.items() if angle != "0"]
        bounds.append(Bound(f"{name}, turned, certain and wrong", *_sums(turned, "certain_and_wrong"), 0.01))
    return bounds


def _sums(counts: Iterable[dict[str, int]], field: str) -> tuple[int, int]:
    counts = list(counts)
    return sum(count[field] for count in counts), sum(count["pictures"] for count in counts)


def _held_out(model: Classifier, faces: Path) -> list[Photo]:
    """Return the photos of faces that the model was not trained on."""
    data = read_run_data(RECIPES["gender"], Dataset(faces))
    if data.split.digest != model.metadata.training.get("split_sha256"):
        raise click.UsageError(f"{faces} does not hold the photos that {model.metadata.name} was trained on")
    return data.part_photos("test")


@click.command()
@click.option("--model", default="gender", show_default=True, help="The classifier of faces.")
@click.option("--faces", type=FOLDER, required=True, help="The photos it was trained on.")
@click.option("--backgrounds", type=FOLDER, required=True, help="Photos without faces, to put faces into.")
@click.option("--others", type=FOLDER, multiple=True, help="Photos without faces, to be quiet about; may be repeated.")
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(
    model: str, faces: Path, backgrounds: Path, others: tuple[Path, ...], threads: int, json_path: Path | None
) -> None:
    """Measure how quiet a model of faces is about everything else."""
    classifier = Classifier(model, threads=threads)
    photos = _held_out(classifier, faces)
    crops = ((photo.label, load_rgb(photo.path)) for photo in photos)
    scenes = in_scenes(photos, shuffled_pictures(backgrounds), seed=4)
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": machine(),
        "model": {"name": classifier.metadata.name, "min_score": classifier.metadata.min_score},
        "pages": answer_pages(classifier),
        "others": {
            folder.name: answer_strangers(map(classifier.classify, track(shuffled_pictures(folder), folder.name)))
            for folder in others
        },
        "turned": {
            "crops": answer_turned(classifier, crops),
            "composed scenes": answer_turned(classifier, scenes),
        },
    }
    for bound in bounds_of(result):
        click.echo(bound)
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.strangers", interrupted="Interrupted; nothing was written.")
