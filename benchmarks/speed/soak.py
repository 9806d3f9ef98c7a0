"""A hundred thousand answers from one classifier: do memory, descriptors and threads stay flat?

    python -m benchmarks.speed.soak --inferences 100000

Each answer is to a file, bytes, a picture or an array, in turn, and now and then a damaged file fails between
them, as a kiosk does for months.
"""

import json
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from edge_infer.classifier import Classifier
from edge_infer.errors import InputError
from edge_infer.pictures.loading import ImageSource
from train.console import run as run_command
from train.files import write_json

WARM_UP = 0.1  # share of the inferences after which memory counts: arenas and caches are filled by then
RESULT = Path(__file__).parents[1] / "results" / "soak.json"


def soak(model: Path, inferences: int) -> dict[str, Any]:
    """Answer many pictures and compare the process before and after.

    Args:
        model: A model file.
        inferences: How many answers; for every ten of them a damaged file is tried too.

    Returns:
        How many answers there were, how many damaged files were refused, and how much memory (MB of resident set),
        descriptors and threads have grown since the warm-up.
    """
    classifier = Classifier(model)
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    data = file.getvalue()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(data)
        sources: list[ImageSource] = [path, data, Image.fromarray(noise), noise]
        started, failures, before = time.monotonic(), 0, _usage()
        for i in range(inferences):
            if i == int(inferences * WARM_UP):
                before = _usage()
            classifier.classify(sources[i % len(sources)])
            if i % 10 == 0:
                try:
                    classifier.classify(data[: len(data) // 2])
                except InputError:
                    failures += 1
    after = _usage()
    grown = {f"grown_{name}": round(after[name] - before[name], 2) for name in before}
    return {"inferences": inferences, "failures": failures, "seconds": round(time.monotonic() - started, 1), **grown}


def _usage() -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return {
        "mb": int(status["VmRSS"].split()[0]) / 1024,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status["Threads"]),
    }


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default=Path("examples/colours.onnx"), show_default=True)
@click.option("--inferences", type=click.IntRange(min=100), default=100_000, show_default=True)
def main(model: Path, inferences: int) -> None:
    """Run it, print the result and write it to benchmarks/results/soak.json."""
    described = machine()
    result = {"command": typed_command(), "machine": described, **soak(model, inferences)}
    write_json(RESULT, result)
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.speed.soak", interrupted="Interrupted; nothing was written.")
