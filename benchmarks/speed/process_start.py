"""Time `edge-infer classify` on one photo, as a whole process, against the least any program can do.

The bare contender imports onnxruntime, loads the same file and runs it once on zeros:

    python -m benchmarks.speed.process_start --model out/gems-fp32.onnx PHOTO
"""

import json
from pathlib import Path

import click

from benchmarks.harness.machine import machine
from benchmarks.harness.processes import classify_command, python
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.speed.cold_start import BARE, time_processes

MAX_RATIO = 1.2  # edge-infer classify / bare script


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False))
@click.option("--model", required=True, type=click.Path(exists=True, dir_okay=False), help="Model file.")
@click.option("--rounds", default=20, show_default=True, help="Processes of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(photo: str, model: str, rounds: int, json_path: Path | None) -> None:
    """Compare `edge-infer classify PHOTO` with a bare onnxruntime script."""
    result = {
        "command": f"python -m benchmarks.speed.process_start --model {Path(model).name} {Path(photo).name}",
        "machine": machine(),
        "model_bytes": Path(model).stat().st_size,
    }
    commands = {"bare": python(BARE, model), "classify": classify_command("--model", model, photo)}
    seconds = time_processes(commands, rounds)
    result |= {f"{name}_ms": summarize_ms(times) for name, times in seconds.items()}
    result |= ratio_of_medians(seconds["classify"], seconds["bare"])
    click.echo(json.dumps(result, indent=1))
    if json_path:
        json_path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
