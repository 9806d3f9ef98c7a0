"""How right are model files on a folder of labelled photos, how sure, and how alike?

    python benchmarks/accuracy.py FILE... --photos DIR
    python benchmarks/accuracy.py gems-fp32.onnx gems-int8.onnx --photos gems --split runs/gems/split.json --part test

Answers are those of the product: `Classifier`, with its loader. The first model is the one that the
others are compared with. Accuracy and shares have Wilson intervals, the calibration error (ECE) a
bootstrap one; with pictures of other things (--other), how well the score tells them apart (AUROC).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

# Run as a file, Python looks for modules beside it; `benchmarks` and `train` lie one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.columns import side_by_side
from benchmarks.harness.model_identity import identify
from edge_infer import Classifier, FailedInput
from edge_infer.model_file.metadata import FaceMode
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.sources import find_images
from export.quality import agreement, measure_answers, score_auroc
from train.console import run as run_command
from train.data.photos import PARTS, Part, Photo, find_photos
from train.data.splits import load_split
from train.errors import DataError
from train.files import write_json
from train.metrics import Floats
from train.progress import track

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def answers_of(classifier: Classifier, paths: Sequence[str | Path]) -> Floats:
    """Return a model's probabilities for photos, `float32 [N, C]`, in the order of its labels.

    Raises:
        InputError: A photo cannot be answered.
    """
    position = {label: i for i, label in enumerate(classifier.labels)}
    answers = np.zeros((len(paths), len(position)), np.float32)
    results = classifier.classify_many(track(paths, f"Classifying with {classifier.metadata.name}"))
    for row, result in zip(answers, results, strict=True):
        if isinstance(result, FailedInput):
            raise result.error
        for scored in result.scores:
            row[position[scored.label]] = scored.score
    return answers


def measure_model(
    classifier: Classifier, photos: Sequence[Photo], other: Sequence[str], reference: Floats | None = None
) -> tuple[dict[str, Any], Floats]:
    """Measure a model on labelled photos.

    Args:
        classifier: The model.
        photos: Labelled photos; their classes must be the model's.
        other: Pictures that show none of the classes; may be empty.
        reference: The probabilities of the model to compare with, for the same photos.

    Returns:
        The record, and the model's own probabilities.

    Raises:
        DataError: A class folder is none of the model's classes.
        InputError: As in `answers_of`.
    """
    if unknown := sorted({photo.label for photo in photos} - set(classifier.labels)):
        raise DataError(f"{classifier.metadata.name} has no class {unknown[0]}: its are {', '.join(classifier.labels)}")
    targets = np.array([classifier.labels.index(photo.label) for photo in photos])
    answers = answers_of(classifier, [photo.path for photo in photos])
    record = measure_answers(answers, targets, classifier.labels, classifier.metadata.min_score)
    if reference is not None:
        record["agreement"] = agreement(answers, reference)
    if other:
        scores = answers_of(classifier, other).max(axis=1)
        record["other"] = {
            **score_auroc(answers.max(axis=1), scores),
            "certain": int((scores >= classifier.metadata.min_score).sum()),
        }
    return record, answers


def read_photos(folder: Path, split: Path | None, part: Part | None) -> list[Photo]:
    """Find labelled photos, all of them or those of one part.

    Args:
        folder: Class folders, or `train` and `test` with class folders.
        split: A run's `split.json`; None to go by the folders.
        part: The part; None for all.

    Raises:
        DataError: There are no such photos.
    """
    photos = find_photos(folder)
    if part is None:
        return photos
    chosen = (
        [photo for photo in photos if photo.part == part]
        if split is None
        else load_split(split, photos).photos(photos, part)
    )
    if not chosen:
        raise DataError(f"{folder} has no {part} photos: give --split, or a folder with a {part} folder")
    return chosen


def to_text(models: dict[str, dict[str, Any]]) -> str:
    """Return what was measured of each model, side by side."""
    return side_by_side([{"model": name, **_rows(record)} for name, record in models.items()])


def _rows(record: dict[str, Any]) -> dict[str, str]:
    low, high = record["accuracy_95"]
    ece_low, ece_high = record["ece_95"]
    rows = {
        "right": f"{record['right']}/{record['photos']}, {record['accuracy']:.1%} ({low:.1%}-{high:.1%})",
        "calibration error": f"{record['ece']:.3f} ({ece_low:.3f}-{ece_high:.3f})",
        "log loss": f"{record['log_loss']:.3f}",
        "certain": _share(record["certain"]),
        "right of the certain": _share(record["right_of_certain"]),
    }
    if same := record.get("agreement"):
        rows["as the first model"] = f"{_share(same)}, scores differ by up to {same['largest_difference']:.3f}"
    if other := record.get("other"):
        low, high = other["auroc_95"]
        rows["AUROC, other pictures"] = f"{other['auroc']:.3f} ({low:.3f}-{high:.3f})"
        rows["other, yet certain"] = f"{other['certain']}/{other['pictures']}"
    return rows


def _share(part: dict[str, Any]) -> str:
    if part["share"] is None:
        return "none"
    low, high = part["share_95"]
    return f"{part['count']}/{part['of']}, {part['share']:.1%} ({low:.1%}-{high:.1%})"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("models", nargs=-1, required=True, metavar="FILE...")
@click.option("--photos", type=FOLDER, required=True, help="Class folders, or train and test with class folders.")
@click.option("--split", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A run's split.json.")
@click.option("--part", type=click.Choice(PARTS), help="Only these photos: by --split, or by folder.")
@click.option("--other", type=FOLDER, help="Pictures of anything else.")
@click.option(
    "--faces",
    type=click.Choice(get_args(FaceMode)),
    default="auto",
    show_default=True,
    help="For a model of faces, as in edge-infer classify.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(
    models: tuple[str, ...],
    photos: Path,
    split: Path | None,
    part: Part | None,
    other: Path | None,
    faces: FaceMode,
    json_path: Path | None,
) -> None:
    """Measure bundled models or model FILEs on labelled photos."""
    if split is not None and part is None:
        raise click.UsageError("--split needs --part")
    labelled = read_photos(photos, split, part)
    others = [] if other is None else find_images(other, recursive=True)
    measured: dict[str, dict[str, Any]] = {}
    reference = None
    for model in models:
        classifier = Classifier(model, faces=faces)
        record, answers = measure_model(classifier, labelled, others, reference)
        name = Path(model).stem
        measured[model if name in measured else name] = {**identify(open_model(model)), **record}
        reference = answers if reference is None else reference
    click.echo(to_text(measured))
    if json_path is not None:
        write_json(json_path, {"part": part, "models": measured})


if __name__ == "__main__":
    run_command(main, "python benchmarks/accuracy.py", interrupted="Interrupted; nothing was written.")
