"""How right are model files on a folder of labelled photos, how sure, and how alike?

    python benchmarks/accuracy.py FILE... --photos DIR
    python benchmarks/accuracy.py gems-fp32.onnx gems-int8.onnx --photos gems --split runs/gems/split.json --part test

Answers are those of the product: `Classifier`, with its loader. The first model is the one that the
others are compared with. Accuracy and shares have Wilson intervals, the calibration error (ECE) a
bootstrap one; with pictures of other things (--other), how well the score tells them apart (AUROC).
"""

import sys
from pathlib import Path
from typing import Any, get_args

import click

# Run as a file, Python looks for modules beside it; `benchmarks` and `train` lie one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.model_identity import identify, named
from benchmarks.quality.accuracy_table import accuracy_text
from benchmarks.quality.model_accuracy import measure_accuracy, read_photos
from edge_infer import Classifier
from edge_infer.errors import ModelError
from edge_infer.faces.mode import FaceMode
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.finding.folders import find_images
from edge_infer.second_look import SecondLook
from train.console import run as run_command
from train.data.layout import PARTS, Part
from train.errors import DataError
from train.files import write_json

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


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
@click.option(
    "--second-look",
    type=click.Choice(get_args(SecondLook)),
    default="auto",
    show_default=True,
    help="As in edge-infer classify.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(
    models: tuple[str, ...],
    photos: Path,
    split: Path | None,
    part: Part | None,
    other: Path | None,
    faces: FaceMode,
    second_look: SecondLook,
    json_path: Path | None,
) -> None:
    """Measure bundled models or model FILEs on labelled photos."""
    if split is not None and part is None:
        raise click.UsageError("--split needs --part")
    labelled = read_photos(photos, split, part)
    others = [] if other is None else find_images(other, recursive=True)
    if other is not None and not others:
        raise DataError(f"{other} holds no pictures: add some, or leave --other out")
    measured: dict[str, dict[str, Any]] = {}
    reference = None
    for name, model in named(models).items():
        try:
            classifier = Classifier(model, faces=faces, second_look=second_look)
        except ModelError:
            raise
        except ValueError as error:  # --faces always, say, for a model that looks for none
            raise click.UsageError(str(error)) from error
        record, answers = measure_accuracy(classifier, labelled, others, reference)
        measured[name] = {**identify(open_model(model)), **record}
        reference = answers if reference is None else reference
    click.echo(accuracy_text(measured))
    if json_path is not None:
        write_json(json_path, {"part": part, "models": measured})


if __name__ == "__main__":
    run_command(main, "python benchmarks/accuracy.py", interrupted="Interrupted; nothing was written.")
