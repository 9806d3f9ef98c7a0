r"""Measure what slimming and int8 cost a task: the full and the slim network in Keras, fp32 and int8.

Every network answers every photo held out in turn: the head of a fold is fitted on the features that the network
gives in Keras for the fold's training photos, and put behind the features that it gives in each form.

    python -m benchmarks.quality.model_quality runs/gems runs/gems-slim --files out \\
        --other 'other-stones/*' --off-task 'faces/*/*' --json OUT.json
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime as ort

from benchmarks.harness.exported import exported_file
from benchmarks.harness.invocation import typed_command
from edge_infer.cache import default_cache
from edge_infer.model_file.metadata import Precision
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.session import INPUT_NAME, OUTPUT_NAME, session_options
from export.conversion.int8 import last_layers
from export.results.quality import agreement, score_auroc, share
from train.console import run as run_command
from train.data.photos import Photo, find_pictures
from train.data.run_data import RunData, read_run_data
from train.files import write_json
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.head import LinearHead
from train.fitting.pooled import CachedTraining, prepare
from train.metrics import Floats, Ints, evaluate, expected_calibration_error, softmax
from train.networks.network import forward
from train.networks.vgg16 import count_macs
from train.progress import say, track
from train.quiet import start_tensorflow
from train.results.elsewhere import measure_elsewhere
from train.runs.finished import FinishedRun, load_run
from train.slim.observed import full_widths, observed_features
from train.views.features import load_view

Pixels = np.ndarray  # uint8 [N, H, W, 3]
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class NetworkVariant:
    """A task's network: full or slim, in Keras or in a file, in fp32 or int8.

    Attributes:
        name: What the table calls it.
        features: Pixels -> what its last layer reads, `float32 [N, d]`.
        temperature: Its calibrated softmax temperature.
        file_bytes: Size of its file; None for Keras.
    """

    name: str
    features: Callable[[Pixels], Floats]
    temperature: float
    file_bytes: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """A network's logits.

    Attributes:
        held_out: For the run's photos, each from a head that did not see it.
        test: For the test photos, from the head fitted on the training photos, `[n, C]`.
        other: For pictures like the task's, but of no class of it, likewise; None if there are none.
        off_task: For pictures of something else, likewise.
    """

    held_out: CrossValidation
    test: Floats
    other: Floats | None
    off_task: Floats | None


def network_variants(title: str, run: FinishedRun, files: Path) -> list[NetworkVariant]:
    """Return a run's rows of the table."""
    # Without `known`, whose features the labels' head does not read.
    recipe = replace(run.recipe, head=replace(run.recipe.pooled_head, known=None))
    keras_features = forward(observed_features(run.network.get_layer("vgg16"), recipe))
    rows = [NetworkVariant(f"{title}, Keras", keras_features, run.temperature, None)]
    for precision in PRECISIONS:
        file = exported_file(run.recipe, files, precision)
        rows.append(NetworkVariant(f"{title}, {precision}", onnx_features(file), run.temperature, file.stat().st_size))
    return rows


def onnx_features(path: Path) -> Callable[[Pixels], Floats]:
    """Return the input of the layer that gives a model file's labels as a function of pixels."""
    file = open_model(path)
    model = onnx.load_from_string(file.data)
    (last,) = last_layers(model.graph, (OUTPUT_NAME,))
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    options = session_options(file.metadata.weight_bits)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda pixels: np.concatenate(
        [session.run([last.input[0]], {INPUT_NAME: picture[np.newaxis]})[0] for picture in pixels]
    )


def answer(
    variant: NetworkVariant, training: CachedTraining, fit: Callable[[Ints], LinearHead], pictures: dict[str, Pixels]
) -> Answers:
    """Let a network answer everything."""
    say(variant.name)
    features = {name: variant.features(pixels) for name, pixels in pictures.items() if len(pixels)}
    data = training.data

    final = fit(training.training_photos)
    held_out = cross_validate(
        data.targets,
        data.groups,
        lambda chosen, left_out: fit(chosen).logits(features["task"][left_out]),
        num_classes=len(data.labels),
        seed=training.recipe.seed,
        elsewhere=data.elsewhere,
    )
    return Answers(
        held_out,
        final.logits(features["task"][data.part("test")]),
        *(final.logits(features[name]) if name in features else None for name in ("other", "off_task")),
    )


def quality_row(
    variant: NetworkVariant, answers: Answers, full: Answers, data: RunData, min_score: float
) -> dict[str, Any]:
    """Return one row of the table.

    Args:
        variant: The network.
        answers: Its answers.
        full: The full Keras network's.
        data: The run's photos.
        min_score: Of the run, under which an answer is uncertain.
    """

    def told(logits: Floats) -> Floats:
        return softmax(logits.reshape(-1, logits.shape[-1]) / variant.temperature)

    held_out, targets = told(answers.held_out.logits), np.tile(data.targets, len(answers.held_out.logits))
    scores, right = held_out.max(axis=1), held_out.argmax(axis=1) == targets
    test = evaluate(told(answers.test), data.targets[data.part("test")], data.labels)
    row: dict[str, Any] = {
        "bytes": variant.file_bytes,
        "test": {key: test[key] for key in ("photos", "right", "accuracy", "accuracy_95")},
        "kfold": {key: value for key, value in answers.held_out.summary().items() if key != "accuracies"},
        "ece_held_out": round(expected_calibration_error(held_out, targets), 4),
        "right_and_certain": share(int((scores[right] >= min_score).sum()), int(right.sum())),
        "agreement_held_out": agreement(held_out, told(full.held_out.logits)),
    }
    if data.elsewhere.photos:
        probabilities = softmax(answers.held_out.elsewhere / variant.temperature)
        row["elsewhere"] = measure_elsewhere(
            probabilities, probabilities.max(axis=-1) >= min_score, data.elsewhere, data.labels
        )
    for name in ("other", "off_task"):
        if (logits := getattr(answers, name)) is not None:
            strange = told(logits)
            row[name] = {
                "agreement": agreement(strange, told(getattr(full, name))),
                "uncertain": share(int((strange.max(axis=1) < min_score).sum()), len(strange)),
                **score_auroc(scores, strange.max(axis=1)),
            }
    return row


def size_of(run: FinishedRun) -> dict[str, int]:
    """Return what a network computes for a picture, in multiply-accumulates, and how many parameters it has."""
    recipe = run.recipe
    macs = count_macs(recipe.widths or full_widths(recipe), recipe.image_size, recipe.first_stride)
    return {"macs": macs, "parameters": run.network.count_params()}


def load_pictures(photos: Sequence[Photo], run: FinishedRun, label: str) -> Pixels:
    """Load pictures as the device does, `uint8 [N, H, W, 3]`."""
    size = run.recipe.image_size
    loaded = [load_view(photo, 0, run.recipe) for photo in track(photos, label)]
    return np.stack(loaded) if loaded else np.empty((0, size, size, 3), np.uint8)


def measure_networks(
    full: FinishedRun, slim: FinishedRun, files: Path, other: Sequence[str], off_task: Sequence[str], cache: Path
) -> dict[str, Any]:
    """Measure all rows."""
    measured: dict[str, Any] = {}
    reference: Answers | None = None
    for title, run in (("full", full), ("slim", slim)):
        data = read_run_data(run.recipe, run.folder.dataset(), run.folder.split_path)
        pictures = {
            "task": load_pictures(
                [*data.photos, *(sourced.photo for sourced in data.elsewhere.photos)], run, "Loading photos"
            ),
            "other": load_pictures(find_pictures(other), run, "Loading other pictures"),
            "off_task": load_pictures(find_pictures(off_task), run, "Loading off-task pictures"),
        }
        recipe = replace(run.recipe, fine_tune=None)
        training = prepare(recipe, data, run.network.get_layer("vgg16"), cache)
        heads: dict[bytes, LinearHead] = {}  # every form of a network is folded alike: a fold's head is fitted once

        def fit(
            chosen: Ints, training: CachedTraining = training, heads: dict[bytes, LinearHead] = heads
        ) -> LinearHead:
            key = chosen.tobytes()
            if key not in heads:
                heads[key] = training.fit(chosen)
            return heads[key]

        for row in network_variants(title, run, files):
            answers = answer(row, training, fit, pictures)
            reference = reference or answers
            min_score = run.metrics["calibration"]["min_score"]
            measured[row.name] = size_of(run) | quality_row(row, answers, reference, data, min_score)
    return measured


@click.command()
@click.argument("full", type=click.Path(path_type=Path))
@click.argument("slim", type=click.Path(path_type=Path))
@click.option("--files", required=True, type=click.Path(path_type=Path), help="Folder of the four exported files.")
@click.option("--other", multiple=True, help="Pictures like the task's, but of other classes, not distilled from.")
@click.option("--off-task", multiple=True, help="Pictures of something else.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(
    full: Path, slim: Path, files: Path, other: tuple[str, ...], off_task: tuple[str, ...], json_path: Path | None
) -> None:
    """Compare the networks of two runs, FULL and what was slimmed from it."""
    measured = measure_networks(load_run(full), load_run(slim), files, other, off_task, default_cache())
    result = {"command": typed_command(), "rows": measured}
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    start_tensorflow()
    run_command(main, "python -m benchmarks.quality.model_quality", interrupted="Interrupted; nothing was written.")
