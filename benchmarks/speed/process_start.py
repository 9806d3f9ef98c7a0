"""Time `edge-infer classify` on one photo, as a whole process, against the least any program can do.

The bare contender imports onnxruntime, loads the same file and runs it once on zeros:

    python -m benchmarks.speed.process_start --model out/gems-fp32.onnx PHOTO
"""

import json
from pathlib import Path

import click

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.processes import classify_command, python
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.speed.cold_start import BARE, time_processes
from train.console import run as run_command
from train.files import write_json

MAX_RATIO = 1.2  # edge-infer classify / bare script


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False))
@click.option("--model", required=True, type=click.Path(exists=True, dir_okay=False), help="Model file.")
@click.option("--rounds", type=click.IntRange(min=1), default=20, show_default=True, help="Processes of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(photo: str, model: str, rounds: int, json_path: Path | None) -> None:
    """Compare `edge-infer classify PHOTO` with a bare onnxruntime script."""
    result = {
        "command": typed_command(),
        "machine": machine(),
        "model_bytes": Path(model).stat().st_size,
    }
    commands = {"bare": python(BARE, model), "classify": classify_command("--model", model, photo)}
    seconds = time_processes(commands, rounds)
    result |= {f"{name}_ms": summarize_ms(times) for name, times in seconds.items()}
    result |= ratio_of_medians(seconds["classify"], seconds["bare"])
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.speed.process_start", interrupted="Interrupted; nothing was written.")
