"""`edge-infer bulk` against `edge-infer classify`: pictures a second, memory, kills, two machines.

    python -m benchmarks.bulk.measure --pictures 20000 --kills 20 --json OUT.json

Needs the extra `bulk` and Linux's /proc. Drawn photos unless `--photos` names a folder.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.bulk import KILLS, PICTURES, SHARE_OF_CLASSIFY
from benchmarks.bulk.jobs import begin, bulk_command, cluster_of, finish, rows_in, run_job
from benchmarks.bulk.kills import kill_runs
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.pictures import link_photos, photos_of
from benchmarks.harness.processes import classify_command, model_arguments, output_of
from benchmarks.harness.samples import median
from edge_infer.runtime.cpus import available_cpus
from train.console import run as run_command
from train.files import write_json

FEW = 64  # pictures of a job that does little but start
KILLED_PICTURES = 2000


def measure_rates(folder: Path, few: Path, pictures: int, model: str, scratch: Path, passes: int) -> dict[str, Any]:
    """Time both commands in turn, on the whole folder and on a few of its pictures.

    Returns:
        Seconds of each, pictures a second of the whole commands, and what is left of each without its start.
    """
    runs: dict[str, list[float]] = {name: [] for name in ("classify", "bulk", "classify_few", "bulk_few")}
    peaks = []
    for number in range(passes):
        for name, of in (("few", few), ("", folder)):
            suffix = f"_{name}" if name else ""
            classify = classify_command(*model_arguments(model), "--format", "jsonl", str(of))
            runs[f"classify{suffix}"].append(_timed(partial(output_of, classify, codes=(0, 1))))
            out = scratch / f"rate{suffix}-{number}"
            job = run_job(bulk_command(of, out, model))
            runs[f"bulk{suffix}"].append(job["seconds"])
            peaks.append(job["worker_peak_mb"])
            if len(rows_in(out)) != (FEW if name else pictures):
                raise click.ClickException(f"{out} does not hold a row for each picture")
            shutil.rmtree(out)
    seconds = {name: median(times) for name, times in runs.items()}
    return {
        "pictures": pictures,
        "passes": passes,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "pictures_a_second": {name: round(pictures / seconds[name], 1) for name in ("classify", "bulk")},
        "once_started": {
            name: round((pictures - FEW) / (seconds[name] - seconds[f"{name}_few"]), 1) for name in ("classify", "bulk")
        },
        "share_of_classify": round(seconds["classify"] / seconds["bulk"], 4),
        "worker_peak_mb": round(max(peaks), 1),
    }


def measure_two_machines(folder: Path, model: str, scratch: Path) -> dict[str, Any]:
    """Compare the rows of a cluster of two machines of a core each with those of this machine."""
    one, two = scratch / "one", scratch / "two"
    finish(begin(bulk_command(folder, one, model)))
    with cluster_of(2) as address:
        finish(begin(bulk_command(folder, two, model, "--address", address)))
    rows = rows_in(one)
    return {"pictures": len(rows), "same_rows": rows_in(two) == rows}


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


@click.command()
@click.option("--model", default="gems", show_default=True, help="Bundled model or model file.")
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Default: drawn ones.")
@click.option(
    "--pictures", type=click.IntRange(FEW), default=PICTURES, show_default=True, help="Pictures of the folder."
)
@click.option("--passes", type=click.IntRange(0), default=3, show_default=True, help="Times each command is timed.")
@click.option("--kills", type=click.IntRange(0), default=KILLS, show_default=True, help="Runs with a kill -9.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(model: str, photos: Path | None, pictures: int, passes: int, kills: int, json_path: Path | None) -> None:
    """Measure `edge-infer bulk` on this machine."""
    with TemporaryDirectory() as place:
        scratch = Path(place)
        folders = {name: scratch / name for name in ("drawn", "all", "few", "killed")}
        for folder in folders.values():
            folder.mkdir()
        found = photos_of(photos, folders["drawn"], with_face=False)
        counts = {"all": pictures, "few": FEW, "killed": min(pictures, KILLED_PICTURES)}
        for name, count in counts.items():
            link_photos(found, folders[name], count)
        result: dict[str, Any] = {
            "command": typed_command(),
            "machine": machine(),
            "cores": available_cpus(),
            "libraries": {name: version(name) for name in ("ray", "pyarrow")},
            "rates": measure_rates(folders["all"], folders["few"], pictures, model, scratch, passes)
            if passes
            else None,
            "two_machines": measure_two_machines(folders["killed"], model, scratch),
            "kills": kill_runs(folders["killed"], model, scratch, kills) if kills else None,
        }
    click.echo(json.dumps(result, indent=1))
    if json_path:
        write_json(json_path, result)
    verdicts = {"two machines give the same rows": result["two_machines"]["same_rows"]}
    if rates := result["rates"]:
        share = rates["share_of_classify"]
        verdicts[f"{share:.0%} of classify's pictures a second (at least {SHARE_OF_CLASSIFY:.0%})"] = (
            share >= SHARE_OF_CLASSIFY
        )
    if killed := result["kills"]:
        same = killed["same_rows"]
        verdicts[f"{same} of {kills} killed runs give the same rows"] = same == kills
    for verdict, holds in verdicts.items():
        click.echo(f"{verdict}: {'holds' if holds else 'FAILS'}")
    sys.exit(0 if all(verdicts.values()) else 1)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.bulk.measure", interrupted="Interrupted; nothing was written.")
