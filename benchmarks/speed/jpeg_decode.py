"""Does decoding a large JPEG at reduced scale save time, and does it keep every answer?

    python -m benchmarks.speed.jpeg_decode PHOTOS --model out/gems-fp32.onnx

Every photo is enlarged to 12 megapixels and saved as a JPEG; one of them is timed, and
each is classified after a full decode and after the loader's reduced one.
"""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.samples import summarize_ms
from benchmarks.harness.timing import interleave
from edge_infer import Classifier
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.finding.folders import find_images
from edge_infer.pictures.loading import fit, load_input, load_rgb
from train.console import run as run_command
from train.files import write_json

SIZE = (4000, 3000)
QUALITY = 90
SPEC = InputSpec(224, 224)
MAX_RATIO = 0.45  # reduced / full decode


def enlarged_jpeg(path: str) -> bytes:
    """Return a photo as a 12-megapixel JPEG."""
    stream = BytesIO()
    load_rgb(path).resize(SIZE, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def full_decode(data: bytes) -> np.ndarray:
    """Decode every pixel, then resize."""
    return fit(load_rgb(data), SPEC)


@click.command()
@click.argument("photos", type=click.Path(exists=True, file_okay=False))
@click.option("--model", required=True, help="Model file whose answers are compared.")
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Timed decodes of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(photos: str, model: str, rounds: int, json_path: Path | None) -> None:
    """Time and compare full and reduced decoding on the photos of a folder."""
    paths = find_images(photos, recursive=True)
    if not paths:
        raise click.UsageError(f"{photos} holds no photos")
    data = enlarged_jpeg(paths[0])
    contenders = {"full": lambda: full_decode(data), "reduced": lambda: load_input(data, SPEC)}
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": machine(),
        "jpeg": {"size": SIZE, "bytes": len(data), "quality": QUALITY},
    }
    result |= {f"{name}_ms": summarize_ms(times) for name, times in interleave(contenders, rounds).items()}
    result["ratio"] = round(result["reduced_ms"]["p50"] / result["full_ms"]["p50"], 3)

    classifier = Classifier(model)
    same, largest_grey, largest_probability = 0, 0, 0.0
    with click.progressbar(paths, label="Comparing answers") as bar:
        for path in bar:
            data = enlarged_jpeg(path)
            full, reduced = full_decode(data), load_input(data, SPEC)
            answers = [classifier.classify(pixels) for pixels in (full, reduced)]
            same += answers[0].label == answers[1].label
            largest_grey = max(largest_grey, int(np.abs(full.astype(int) - reduced).max()))
            largest_probability = max(largest_probability, abs(answers[0].score - answers[1].score))
    result |= {
        "photos": len(paths),
        "same_top1": same,
        "largest_pixel_difference": largest_grey,
        "largest_score_difference": largest_probability,
    }
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.speed.jpeg_decode", interrupted="Interrupted; nothing was written.")
