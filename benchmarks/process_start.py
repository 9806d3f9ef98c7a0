"""Time `edge-infer classify` on one photo, as a whole process, against the least any program can do.

The bare contender imports onnxruntime, loads the same file and runs it once on zeros:

    python -m benchmarks.process_start --model out/gems-fp32.onnx PHOTO
"""

import json
import subprocess
import sys
from pathlib import Path

import click

from benchmarks.timing import interleave, machine, summarize_ms

BARE = """
import sys
import numpy as np
import onnxruntime as ort

session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
image = session.get_inputs()[0]
session.run(None, {image.name: np.zeros((1, *image.shape[1:]), np.uint8)})
"""


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False))
@click.option("--model", required=True, type=click.Path(exists=True, dir_okay=False), help="Model file.")
@click.option("--rounds", default=20, show_default=True, help="Processes of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(photo: str, model: str, rounds: int, json_path: Path | None) -> None:
    """Compare `edge-infer classify PHOTO` with a bare onnxruntime script."""
    commands = {
        "bare": [sys.executable, "-c", BARE, model],
        "classify": [sys.executable, "-m", "edge_infer", "classify", "--model", model, photo],
    }
    contenders = {
        name: lambda command=command: subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own command
        for name, command in commands.items()
    }
    result = {
        "command": f"python -m benchmarks.process_start --model {Path(model).name} {Path(photo).name}",
        "machine": machine(),
        "model_bytes": Path(model).stat().st_size,
    }
    seconds = interleave(contenders, rounds)
    result |= {f"{name}_ms": summarize_ms(times) for name, times in seconds.items()}
    result["ratio"] = round(result["classify_ms"]["p50"] / result["bare_ms"]["p50"], 3)
    click.echo(json.dumps(result, indent=1))
    if json_path:
        json_path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
