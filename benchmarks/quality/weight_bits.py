"""Measure what the eighth bit of int8 weights is worth: each layer alone, and the whole network.

Exports have weights of 7 bits, whose sums overflow on no CPU (export.conversion.quantize). Here a run is
quantized with 8 bits too, with the same calibration, and both are compared with fp32.

    python -m benchmarks.quality.weight_bits runs/gems-slim --json OUT.json
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from edge_infer.model_file.metadata import WeightBits
from export.candidate import Candidate, answered, opened, quantized
from export.compared_photos import calibration_numbers
from export.conversion.convert import convert, with_metadata
from export.conversion.parity import Pixels
from export.description import describe
from export.pipeline import model_name
from export.results.latency import latency_ms
from export.results.quality import agreement, share
from train.console import run as run_command
from train.data.run_data import RunData
from train.files import write_json
from train.progress import say, track
from train.quiet import start_tensorflow
from train.runs.finished import FinishedRun, load_run
from train.views.features import load_view


def measure_run(run: FinishedRun) -> dict[str, Any]:
    """Measure a run, with the photos it was made from."""
    data = run.data(run.folder.dataset())
    pictures = [load_view(photo, 0, run.recipe) for photo in track(data.photos, "Loading photos")]
    model, metadata = convert(run.network, run.temperature), describe(run, model_name(run, None))
    return measure_bits(answered(model, metadata, {}, pictures), pictures, data)


def measure_bits(fp32: Candidate, pictures: Sequence[Pixels], data: RunData) -> dict[str, Any]:
    """Quantize a model with weights of 7 and of 8 bits and compare both with fp32.

    Args:
        fp32: The converted model.
        pictures: Every photo of the run, `uint8 [H, W, 3]` each.
        data: The photos.

    Returns:
        A row each for fp32, `7 bits` and `8 bits`.
    """
    calibration = [pictures[number] for number in calibration_numbers(data.part("train"))]
    rows = {"fp32": _row(fp32, fp32, pictures, data)}
    for bits in get_args(WeightBits):
        say(f"Weights of {bits} bits")
        rows[f"{bits} bits"] = _row(quantized(fp32, pictures, calibration, bits), fp32, pictures, data)
    return rows


def _row(candidate: Candidate, fp32: Candidate, pictures: Sequence[Pixels], data: RunData) -> dict[str, Any]:
    held_out = np.concatenate([data.part("validation"), data.part("test")])
    right = candidate.answers[held_out].argmax(axis=1) == data.targets[held_out]
    content = with_metadata(candidate.model, candidate.metadata)
    return {
        **candidate.told,
        "mean_difference": float(np.abs(candidate.answers - fp32.answers).mean()),
        "agreement_with_fp32": agreement(candidate.answers, fp32.answers),
        "same_certainty": share(int((candidate.certain == fp32.certain).sum()), len(pictures)),
        "right_held_out": share(int(right.sum()), len(held_out)),
        "bytes": len(content),
        "latency_ms": latency_ms(opened(content), pictures[0][np.newaxis]),
    }


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(run: Path, json_path: Path | None) -> None:
    """Compare int8 weights of 7 and of 8 bits of a finished run, slim or not.

    latency_ms holds medians in milliseconds by number of threads; on a CPU without VNNI weights of 8 bits take
    onnxruntime's slower, exact way.
    """
    result = {"command": typed_command(), "machine": machine(), "rows": measure_run(load_run(run))}
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    start_tensorflow()
    run_command(main, "python -m benchmarks.quality.weight_bits", interrupted="Interrupted; nothing was written.")
