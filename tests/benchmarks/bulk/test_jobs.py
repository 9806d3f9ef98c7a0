"""Workers are found by what Ray calls them, and a whole job is killed with everything it started."""

import sys
import time
from pathlib import Path

import pytest

from benchmarks.harness.machine import NotMeasuredError

pytest.importorskip("pyarrow", reason='pyarrow is not installed: pip install "edge-infer[bulk]"')
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(100)
"""


JOB = """
import subprocess, sys, time
sleep = "print(flush=True); import time; time.sleep(100)"
worker = subprocess.Popen(["ray::answer_shard", "-c", sleep], executable=sys.executable, stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(100)
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_is_killed_with_its_children() -> None:
    from benchmarks.bulk.jobs import begin, kill_all

    process = begin([sys.executable, "-c", PARENT])
    child = int(process.stdout.readline())
    assert is_running(child)
    kill_all(process)
    ends = time.monotonic() + 20
    while is_running(child) and time.monotonic() < ends:
        time.sleep(0.01)
    assert (is_running(child), process.returncode) == (False, -9)


def test_a_jobs_own_workers_are_found_with_their_memory() -> None:
    from benchmarks.bulk.jobs import begin, kill_all, workers

    jobs = [begin([sys.executable, "-c", JOB]) for _ in range(2)]
    pids = [int(job.stdout.readline()) for job in jobs]
    found = [workers(job) for job in jobs]
    for job in jobs:
        kill_all(job)
    assert [list(of_job) for of_job in found] == [[pid] for pid in pids]
    assert all(1_000 < of_job[pid] < 1_000_000 for of_job, pid in zip(found, pids, strict=True))


def test_a_job_that_fails_is_not_measured() -> None:
    from benchmarks.bulk.jobs import begin, finish

    code = "import sys; print('first', file=sys.stderr); print('the last word', file=sys.stderr); sys.exit(3)"
    with pytest.raises(NotMeasuredError, match=r"^the last word$"):
        finish(begin([sys.executable, "-c", code]))
