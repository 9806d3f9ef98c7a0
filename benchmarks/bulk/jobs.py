"""Jobs as one types them, in processes of their own: begun, watched, killed, and their rows."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import NotMeasuredError
from benchmarks.harness.processes import model_arguments

WORKER = b"ray::answer_shard"  # what Ray calls a process that answers a shard
_LOOK_S = 0.5
# Ray's own cluster for tests, on one machine; a line ends it.
_CLUSTER = """
import sys
import edge_infer.bulk  # sets what Ray reads
from ray.cluster_utils import Cluster

machine = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
cluster = Cluster()
for _ in range(int(sys.argv[1])):
    cluster.add_node(wait=False, **machine)
cluster.wait_for_nodes(timeout=300)
print(cluster.address, flush=True)
sys.stdin.readline()
cluster.shutdown()
"""

Row = dict[str, Any]


def bulk_command(folder: Path, out: Path, model: str, *options: str) -> list[str]:
    """Return `edge-infer bulk …`."""
    return [
        sys.executable,
        "-m",
        "edge_infer",
        "bulk",
        str(folder),
        "--out",
        str(out),
        *model_arguments(model),
        *options,
    ]


def begin(command: list[str]) -> "subprocess.Popen[str]":
    """Begin a command in a session of its own, as a terminal does."""
    return subprocess.Popen(  # noqa: S603  # our own
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a command and return its standard output.

    Raises:
        NotMeasuredError: It failed; its last word.
    """
    out, err = process.communicate()
    if process.returncode not in (0, 1):
        said = err.strip().splitlines() or ["it ended without a word"]
        raise NotMeasuredError(said[-1].removeprefix("Error: "))
    return out


def run_job(command: list[str]) -> dict[str, float]:
    """Run a job and return its seconds and the most memory that one of its workers took, in MB."""
    started = time.perf_counter()
    process = begin(command)
    with _watched(process) as peaks:
        finish(process)
    return {"seconds": time.perf_counter() - started, "worker_peak_mb": max(peaks.values(), default=0) / 1e3}


def rows_in(out: Path) -> list[Row]:
    """Return the rows of a finished job, in order."""
    from pyarrow import parquet  # late, so that its absence is said in one line

    rows: list[Row] = parquet.read_table(out).to_pylist()
    return rows


def workers(process: "subprocess.Popen[str]") -> dict[int, int]:
    """Return the processes that answer a job's shards, and the most memory each has taken, in kB.

    Args:
        process: The job's; another job's workers have the same name.
    """
    found = {}
    for pid in _descendants(process.pid):
        folder = Path("/proc", str(pid))
        try:
            if (folder / "cmdline").read_bytes().startswith(WORKER):
                lines = (folder / "status").read_text().splitlines()
                found[pid] = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        except (OSError, StopIteration):  # it has just ended
            continue
    return found


def kill_all(process: "subprocess.Popen[str]") -> None:
    """Kill a process and everything that it started."""
    family = [process.pid, *_descendants(process.pid)]
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()


@contextmanager
def cluster_of(machines: int) -> Iterator[str]:
    """Start a Ray cluster of so many machines of one core, all on this one; yield its address."""
    process = subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-c", _CLUSTER, str(machines)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise NotMeasuredError("the cluster did not start")
        try:
            yield address
        finally:
            process.communicate("\n")


@contextmanager
def _watched(process: "subprocess.Popen[str]") -> Iterator[dict[int, int]]:
    peaks: dict[int, int] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            peaks.update(workers(process))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = parents.get(pid, [])
    return found + [deeper for child in found for deeper in _descendants(child)]
