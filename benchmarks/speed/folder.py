"""Answer a folder: photos a second against the bare network, and memory, whatever the folder's size.

python -m benchmarks.speed.folder --model out/gems-int8.onnx --photos PHOTOS --files 10000
"""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.harness.contenders import bare_session, batch_of
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import NotMeasuredError, machine
from benchmarks.harness.pictures import link_photos, photos_of
from benchmarks.harness.processes import classify_command, model_arguments, output_of, python
from benchmarks.harness.samples import median, ratio_of_medians
from benchmarks.harness.timing import interleave
from edge_infer import Classifier
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.cpus import available_cpus
from edge_infer.runtime.session import INPUT_NAME
from train.console import run as run_command
from train.files import write_json

MUST_HOLD = 0.8  # photos a second, of those of the bare network
MAX_GROWTH_MB = 10.0  # of memory, from a small folder to a large one: the names take some
SMALL_FOLDER = 400
# Runs the command and tells the peak of its memory.
WITH_PEAK = """
import sys
from benchmarks.harness.machine import peak_memory_mb
from edge_infer.cli.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
print(peak_memory_mb())
"""


def measure_batches(model: str, threads: int, batches: Sequence[int], rounds: int) -> dict[str, float]:
    """Return the pictures a second of the bare network by batch size, in one session."""
    session = bare_session(model, threads, "briefly")
    spec = open_model(model, ClassifierMetadata).metadata.input

    def runner(size: int) -> Callable[[], object]:
        inputs = {INPUT_NAME: batch_of(spec, size)}
        return lambda: session.run(None, inputs)

    seconds = interleave({str(size): runner(size) for size in batches}, rounds)
    return {size: round(int(size) / median(times), 2) for size, times in seconds.items()}


def measure_folder(model: str, photos: Sequence[str], threads: int, batch: int, passes: int) -> dict[str, Any]:
    """Compare, in turn, answering files with the bare network on pictures that are decoded already.

    Args:
        model: Bundled name or file.
        photos: The folder's files.
        threads: Cores to use.
        batch: The best batch size of the bare network.
        passes: Times each is run.

    Returns:
        Photos a second of `classify_many`, of the whole `edge-infer classify DIR` with its start, of one
        session with all threads, and of a session for one thread that each core runs by itself; and
        the share of the bare network that `classify_many` reaches, 1 being its speed.
    """
    classifier = Classifier(model, threads=1)
    together, alone = (bare_session(model, count, "briefly") for count in (threads, 1))
    inputs = {INPUT_NAME: batch_of(classifier.metadata.input, batch)}
    runs = -(-len(photos) // batch)
    command = classify_command(*model_arguments(model), "--threads", str(threads), str(Path(photos[0]).parent))

    def each_alone() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: alone.run(None, inputs), range(runs)))

    seconds = interleave(
        {
            "classify_many": lambda: list(classifier.classify_many(photos, workers=threads)),
            "command": partial(output_of, command, codes=(0, 1)),
            "network": lambda: [together.run(None, inputs) for _ in range(runs)],
            "network_a_thread_each": each_alone,
        },
        passes,
        warm_up=1,
    )
    answered = {"network": runs * batch, "network_a_thread_each": runs * batch}
    return {
        "photos": len(photos),
        "network_batch": batch,
        "photos_a_second": {
            name: round(answered.get(name, len(photos)) / median(times), 2) for name, times in seconds.items()
        },
        "share_of_network": _share(seconds["network"], seconds["classify_many"], len(photos) / (runs * batch)),
        "share_of_network_a_thread_each": _share(
            seconds["network_a_thread_each"], seconds["classify_many"], len(photos) / (runs * batch)
        ),
    }


def _share(network_s: list[float], folder_s: list[float], photos_a_picture: float) -> dict[str, Any]:
    """Return the ratio of two throughputs; the network's last batch may hold more pictures than there are photos."""
    ratio = ratio_of_medians(network_s, folder_s)
    return {
        "ratio": round(ratio["ratio"] * photos_a_picture, 4),
        "ratio_95": [round(end * photos_a_picture, 4) for end in ratio["ratio_95"]],
    }


def measure_memory(model: str, photos: Sequence[str], files: int) -> float:
    """Return the peak of memory in MB of `edge-infer classify DIR`, of a folder of so many files."""
    with TemporaryDirectory() as folder:
        link_photos(photos, Path(folder), files)
        arguments = ["classify", *model_arguments(model), "--format", "jsonl", folder]
        *records, peak_mb = output_of(python(WITH_PEAK, *arguments)).splitlines()
    if len(records) != files:
        raise NotMeasuredError(f"{len(records)} of {files} files were answered")
    return float(peak_mb)


@click.command()
@click.option("--model", default="gems", show_default=True, help="Bundled model or model file.")
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Default: drawn ones.")
@click.option(
    "--files", type=click.IntRange(min=1), default=10_000, show_default=True, help="Size of the large folder."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(model: str, photos: Path | None, files: int, json_path: Path | None) -> None:
    """Measure the memory of a small and a large folder."""
    with TemporaryDirectory() as scratch:
        found = photos_of(photos, Path(scratch), with_face=False)
        sizes = (min(SMALL_FOLDER, files), files)
        small, large = (measure_memory(model, found, size) for size in sizes)
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": machine(),
        "cores": available_cpus(),
        "peak_memory_mb": dict(zip(map(str, sizes), (small, large), strict=True)),
        "grown_mb": round(large - small, 1),
    }
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)
    holds = result["grown_mb"] <= MAX_GROWTH_MB
    click.echo(f"memory grows by {result['grown_mb']} MB (at most {MAX_GROWTH_MB:g}): {'holds' if holds else 'FAILS'}")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.speed.folder", interrupted="Interrupted; nothing was written.")
