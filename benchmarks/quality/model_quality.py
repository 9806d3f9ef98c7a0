r"""Measure what slimming and int8 cost a task: the full and the slim network in Keras, fp32 and int8.

Every network answers every photo held out in turn: the head of a fold is fitted on the full network's
features of the fold's training photos, and put behind each network's own features.

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
from edge_infer.runtime.session import INPUT_NAME, session_options
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
from train.runs.finished import FinishedRun, load_run
from train.runs.slim_folder import SlimFolder
from train.slim.observed import full_widths, observed_features
from train.slim.readout import Readout, load_readout, slim_head
from train.views.features import load_view

Pixels = np.ndarray  # uint8 [N, H, W, 3]


@dataclass(frozen=True, slots=True)
class NetworkVariant:
    """A task's network: full or slim, in Keras or in a file, in fp32 or int8.

    Attributes:
        name: What the table calls it.
        features: Pixels -> what its last layer reads, `float32 [N, d]`.
        readout: From those to the full network's features; None if they are the full network's.
        temperature: Its calibrated softmax temperature.
        file_bytes: Size of its file; None for Keras.
    """

    name: str
    features: Callable[[Pixels], Floats]
    readout: Readout | None
    temperature: float
    file_bytes: int | None

    def head(self, full: LinearHead, features: Floats) -> LinearHead:
        """Return a head of the full network as one for this network, given its features of the head's photos."""
        return full if self.readout is None else slim_head(full, self.readout, features)


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


def network_variants(full: FinishedRun, slim: FinishedRun, files: Path) -> list[NetworkVariant]:
    """Return the rows of the table."""
    rows = []
    for title, run in (("full", full), ("slim", slim)):
        readout = None if run is full else load_readout(SlimFolder(run.path))
        keras_features = forward(observed_features(run.network.get_layer("vgg16"), run.recipe))
        rows.append(NetworkVariant(f"{title}, Keras", keras_features, readout, run.temperature, None))
        for precision in ("fp32", "int8"):
            file = exported_file(run.recipe, files, precision)
            rows.append(
                NetworkVariant(
                    f"{title}, {precision}", onnx_features(file), readout, run.temperature, file.stat().st_size
                )
            )
    return rows


def onnx_features(path: Path) -> Callable[[Pixels], Floats]:
    """Return a model file's last layer's input as a function of pixels."""
    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")][-1]
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"])
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

    def head(chosen: Ints) -> LinearHead:
        return variant.head(fit(chosen), features["task"][chosen])

    final = head(data.part("train"))
    held_out = cross_validate(
        data.targets,
        data.groups,
        lambda chosen, left_out: head(chosen).logits(features["task"][left_out]),
        num_classes=len(data.labels),
        seed=training.recipe.seed,
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
    widths = run.recipe.widths or full_widths(run.recipe)
    return {"macs": count_macs(widths, run.recipe.image_size), "parameters": run.network.count_params()}


def load_pictures(photos: Sequence[Photo], run: FinishedRun, label: str) -> Pixels:
    """Load pictures as the device does, `uint8 [N, H, W, 3]`."""
    size = run.recipe.image_size
    loaded = [load_view(photo, 0, run.recipe) for photo in track(photos, label)]
    return np.stack(loaded) if loaded else np.empty((0, size, size, 3), np.uint8)


def measure_networks(
    full: FinishedRun, slim: FinishedRun, files: Path, other: Sequence[str], off_task: Sequence[str], cache: Path
) -> dict[str, Any]:
    """Measure all rows."""
    data = read_run_data(full.recipe, full.folder.dataset(), full.folder.split_path)
    pictures = {
        "task": load_pictures(data.photos, full, "Loading photos"),
        "other": load_pictures(find_pictures(other), full, "Loading other pictures"),
        "off_task": load_pictures(find_pictures(off_task), full, "Loading off-task pictures"),
    }
    recipe = replace(full.recipe, fine_tune=None)
    training = prepare(recipe, data, full.network.get_layer("vgg16"), cache)
    heads: dict[bytes, LinearHead] = {}  # every network is folded alike, so each fold's head is fitted once

    def fit(chosen: Ints) -> LinearHead:
        key = chosen.tobytes()
        if key not in heads:
            heads[key] = training.fit(chosen)
        return heads[key]

    rows = network_variants(full, slim, files)
    answers = {row.name: answer(row, training, fit, pictures) for row in rows}
    reference = answers[rows[0].name]
    measured = {}
    for row in rows:
        run = full if row.name.startswith("full") else slim
        min_score = run.metrics["calibration"]["min_score"]
        measured[row.name] = size_of(run) | quality_row(row, answers[row.name], reference, data, min_score)
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
