"""Which part of a photo should a classifier of faces see? Margins of the crops, and what rules are worth.

    python -m benchmarks.quality.crop_rule FACES [--portraits DIR] --json benchmarks/results/crop_rule.json

For each rule, a head is fitted on one view of every crop, as `python -m train gender` does with
three, and answers for held-out crops (5-fold) and for whole photos from elsewhere.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.metrics import log_loss

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import NotMeasuredError
from edge_infer.cache import default_cache
from edge_infer.faces.detector import SCENE_SIDE
from edge_infer.model_file.metadata import FaceCrop
from edge_infer.pictures.loading import load_scene
from train.console import run as run_command
from train.data.dataset import Dataset
from train.data.photos import Photo
from train.data.run_data import RunData, read_run_data
from train.files import write_json
from train.fitting.crossval import cross_validate
from train.fitting.head import fit_linear, head_features
from train.metrics import Floats, Ints, softmax
from train.networks.vgg16 import build_base, resolve_weights
from train.progress import track
from train.quiet import start_tensorflow
from train.recipes import RECIPES, PooledHead
from train.views.face_views import find_face
from train.views.features import extract

RULES = (
    *(FaceCrop(margin, upright=False) for margin in (0.0, 0.1)),
    *(FaceCrop(margin, upright=True) for margin in (0.0, 0.12)),
)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def margins(photos: list[Photo]) -> dict[str, Any]:
    """Return how far the crops reach beyond the detector's box, in units of the box: 5, 50, 95 % quantiles."""
    reach = []
    for photo in track(photos, "Measuring margins"):
        if (face := find_face(photo)) is not None:
            width, height = load_scene(photo.path, needed_side=SCENE_SIDE).image.size  # in which the face is told
            left, top, right, bottom = face.box
            eyes = np.array(face.landmarks[:2])
            mouth = np.array(face.landmarks[3:])
            distance = max(np.hypot(*(eyes[1] - eyes[0])), np.hypot(*(mouth.mean(axis=0) - eyes.mean(axis=0))))
            reach.append(
                (
                    left / face.width,
                    (width - right) / face.width,
                    top / face.height,
                    (height - bottom) / face.height,
                    np.sqrt(face.width * face.height) / distance,
                )
            )
    if not reach:
        raise NotMeasuredError("no crop shows a face")
    names = ("left", "right", "top", "bottom", "box_side_in_landmark_distances")
    quantiles = np.quantile(reach, (0.05, 0.5, 0.95), axis=0).T.round(3).tolist()
    return {"crops": len(photos), "faces": len(reach), **dict(zip(names, quantiles, strict=True))}


def measure_rule(rule: FaceCrop, crops: RunData, portraits: RunData | None) -> dict[str, Any]:
    """Return what a rule is worth on held-out crops and on whole photos from elsewhere."""
    recipe = replace(RECIPES["gender"], face=rule, mixed_precision=True)
    base, head = build_base(recipe, resolve_weights(None)), recipe.head
    assert isinstance(head, PooledHead)  # noqa: S101  # gender's is

    def views(photos: list[Photo]) -> Floats:
        """Return the head's input for one view of each photo."""
        features = extract(photos, 1, recipe, base, head.taps, default_cache(), grid=head.grid)
        of_view: Floats = head_features(features, head.taps)[0]
        return of_view

    def answer(chosen: Ints, rest: Ints) -> Floats:
        return fit_linear(inputs[chosen], crops.targets[chosen], head.inverse_l2).logits(inputs[rest])

    inputs = views(crops.photos)
    folds = cross_validate(crops.targets, crops.groups, answer, num_classes=len(crops.labels), seed=1, repeats=1)
    row = {"margin": rule.margin, "upright": rule.upright, "kfold": folds.summary()["mean_accuracy"]}
    if portraits is not None:
        logits = fit_linear(inputs, crops.targets, head.inverse_l2).logits(views(portraits.photos))
        row |= {
            "portraits": len(portraits.photos),
            "right": int((logits.argmax(axis=1) == portraits.targets).sum()),
            "log_loss": log_loss(portraits.targets, softmax(logits)),
        }
    return row


@click.command()
@click.argument("faces", type=FOLDER)
@click.option("--portraits", type=FOLDER, help="Whole photos of one person each, in class folders of the same names.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(faces: Path, portraits: Path | None, json_path: Path | None) -> None:
    """Measure margins and compare crop rules on the face crops of a folder."""
    start_tensorflow()
    recipe = RECIPES["gender"]
    crops = read_run_data(recipe, Dataset(faces))
    others = None if portraits is None else read_run_data(recipe, Dataset(portraits))
    result: dict[str, Any] = {
        "command": typed_command(),
        **margins(crops.photos),
    }
    result["rules"] = []
    for rule in RULES:
        result["rules"].append(measure_rule(rule, crops, others))
        click.echo(json.dumps(result["rules"][-1]))
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.crop_rule", interrupted="Interrupted; nothing was written.")
