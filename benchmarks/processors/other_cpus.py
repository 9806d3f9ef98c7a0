"""Does one int8 file answer alike on processors with and without VNNI, and on ARM?

    benchmarks/processors/aarch64_root.sh aarch64    # once; see there
    python -m benchmarks.processors.other_cpus --aarch64-root aarch64 \
        --model edge_infer/models/gems.onnx gems/test --model edge_infer/models/gender.onnx faces

On every processor that QEMU can emulate here, `edge-infer models verify` looks at the golden answers and
`edge-infer classify` at pictures, decoding included; its probabilities are compared with this machine's own.
A file whose int8 weights have 8 bits runs twice on one processor: as it is, and with the guard of
edge_infer.runtime.session led to believe that nothing needs guarding, to see what it is good for. Weights of
7 bits have no guard on any processor. Emulated times say nothing of the processors.
"""

import hashlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.pictures import spread
from benchmarks.processors.emulators import CPUS, UNGUARDED, EmulatedCpu, make_prefix, run_python, what_is_missing
from edge_infer.model_file.metadata import WeightBits
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.finding.folders import find_images
from edge_infer.runtime.golden import TOLERANCE
from train.console import run as run_command
from train.files import write_json

Scores = dict[str, float]


def processors_for(weight_bits: WeightBits | None) -> tuple[EmulatedCpu, ...]:
    """Return the processors to try a file on, from its metadata: without the guard only what has one."""
    return (*CPUS, UNGUARDED) if weight_bits == 8 else CPUS


def golden_difference(says: str) -> float:
    """Return the largest difference that `edge-infer models verify` speaks of, whether it accepts it or not."""
    found = re.search(r"(?:largest difference|differ by up to) (\d+\.\d+)", says)
    if found is None:
        raise click.ClickException(f"models verify compared no golden answers: {says.strip() or 'it said nothing'}")
    return float(found[1])


def answer_difference(native: Sequence[Scores], emulated: Sequence[Scores]) -> dict[str, Any]:
    """Return how far two lists of answers to the same pictures, probabilities by label, agree."""
    pairs = list(zip(native, emulated, strict=True))
    return {
        "same_top1": sum(max(a, key=a.__getitem__) == max(b, key=b.__getitem__) for a, b in pairs),
        "largest_difference": float(f"{max(abs(a[label] - b[label]) for a, b in pairs for label in a):.2g}"),
    }


def run_on(
    model: Path, pictures: Sequence[str], scratch: Path, cpu: EmulatedCpu | None = None, prefix: Path | None = None
) -> tuple[dict[str, Any], list[Scores]]:
    """Verify a model and let it answer, on one processor.

    Returns:
        The golden difference and the time of the two processes, and the answers.

    Raises:
        click.ClickException: One of the processes failed otherwise than by wrong golden answers.
    """
    listed = scratch / "pictures.txt"
    listed.write_text("\n".join(pictures), encoding="utf-8")
    started = time.perf_counter()
    verified = run_python(["-m", "edge_infer", "models", "verify", str(model)], cpu, prefix)
    difference = golden_difference(verified.stdout + verified.stderr)
    options = ["--model", str(model), "--format", "json", "--faces", "never"]
    answered = run_python(["-m", "edge_infer", "classify", *options, f"@{listed}"], cpu, prefix)
    if answered.returncode != 0:
        raise click.ClickException(f"classify failed: {(answered.stderr.strip() or 'without a word').splitlines()[-1]}")
    record = {
        "golden_difference": difference,
        "golden_ok": verified.returncode == 0,
        "seconds": round(time.perf_counter() - started, 1),
    }
    answers = [{item["label"]: item["score"] for item in entry["scores"]} for entry in json.loads(answered.stdout)]
    return record, answers


def qemu_version(program: str) -> str:
    """Return a QEMU program's version."""
    says = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"version (\S+)", says)
    return found[1] if found else says


@click.command()
@click.option(
    "--model",
    "models",
    required=True,
    multiple=True,
    nargs=2,
    metavar="FILE FOLDER",
    type=click.Path(exists=True, path_type=Path),
    help="A model file with golden answers, and pictures for it. May be given several times.",
)
@click.option(
    "--pictures",
    "count",
    type=click.IntRange(min=1),
    default=43,
    show_default=True,
    help="Pictures for each model, evenly spaced.",
)
@click.option(
    "--aarch64-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="From benchmarks/processors/aarch64_root.sh; without it no ARM processor is emulated.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(models: tuple[tuple[Path, Path], ...], count: int, aarch64_root: Path | None, json_path: Path | None) -> None:
    """Compare a model's answers here with those on emulated processors."""
    missing = {cpu: what_is_missing(cpu, aarch64_root) for cpu in (*CPUS, UNGUARDED)}
    for reason in sorted({reason for reason in missing.values() if reason}):
        click.echo(f"Left out: {reason}", err=True)
    emulated = [cpu for cpu, reason in missing.items() if reason is None]
    if not emulated:
        raise click.ClickException("nothing can be emulated here")
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": machine(),
        "qemu": qemu_version(emulated[0].qemu),
        "golden_tolerance": TOLERANCE,
        "models": {},
    }
    for file, folder in models:
        pictures = spread(find_images(str(folder.resolve()), recursive=True), count)
        if not pictures:
            raise click.UsageError(f"{folder} holds no pictures")
        weight_bits = open_model(file).metadata.weight_bits
        cpus = [cpu for cpu in processors_for(weight_bits) if cpu in emulated]
        with tempfile.TemporaryDirectory() as name:
            found = _on_all(file.resolve(), pictures, cpus, aarch64_root, Path(name))
        result["models"][file.stem] = {"weight_bits": weight_bits, **found}
    if json_path:
        write_json(json_path, result)


def _on_all(
    file: Path, pictures: list[str], cpus: list[EmulatedCpu], aarch64_root: Path | None, scratch: Path
) -> dict[str, Any]:
    native, expected = run_on(file, pictures, scratch)
    click.echo(f"{file.name}: {len(pictures)} pictures; natively, golden difference {native['golden_difference']:.4f}")
    records = {}
    for cpu in cpus:
        prefix = scratch / cpu.name
        make_prefix(cpu, prefix, aarch64_root)
        record, answers = run_on(file, pictures, scratch, cpu, prefix)
        records[cpu.name] = record = record | answer_difference(expected, answers) | {"qemu_cpu": cpu.qemu_cpu}
        click.echo(
            f"  {cpu.name}: golden difference {record['golden_difference']:.4f}, same answer for "
            f"{record['same_top1']}/{len(pictures)}, largest difference {record['largest_difference']:.2g}, "
            f"{record['seconds']:.0f} s"
        )
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"sha256": sha256, "pictures": len(pictures), "native": native, "cpus": records}


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.processors.other_cpus", interrupted="Interrupted; nothing was written.")
