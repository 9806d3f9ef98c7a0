"""Kill workers and whole jobs at random moments: every picture must still have one row, the same as ever."""

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Literal

from benchmarks.bulk.jobs import Row, begin, bulk_command, finish, kill_all, rows_in, workers

Victim = Literal["worker", "job"]
VICTIMS: tuple[Victim, ...] = ("worker", "job")
_LOOK_S = 0.02
_LATEST = 0.9  # of the time that an undisturbed run takes


def kill_runs(folder: Path, model: str, scratch: Path, runs: int, seed: int = 0) -> dict[str, Any]:
    """Run a job as often as asked, kill something each time, repeat the command, and compare the rows.

    Args:
        folder: The pictures.
        model: Bundled name or file.
        scratch: For the answers.
        runs: How often; workers and whole jobs are killed in turn.
        seed: Of the moments.

    Returns:
        What was killed how often, and how many runs gave the rows of the undisturbed one.
    """
    undisturbed = scratch / "undisturbed"
    started = time.perf_counter()
    finish(begin(bulk_command(folder, undisturbed, model, "--shard-size", "16")))
    seconds = time.perf_counter() - started
    expected = rows_in(undisturbed)
    chance = random.Random(seed)  # noqa: S311  # moments, not secrets
    results: list[dict[str, Any]] = []
    while len(results) < runs:
        number = len(results)
        command = bulk_command(folder, scratch / f"run-{number}", model, "--shard-size", "16")
        result = _kill_run(command, expected, VICTIMS[number % len(VICTIMS)], chance.uniform(0, _LATEST * seconds))
        if result["killed"] or not result["same"]:  # otherwise it had ended before its moment came
            results.append(result)
    return {
        "pictures": len(expected),
        "undisturbed_s": round(seconds, 1),
        "runs": runs,
        "killed": {
            victim: sum(result["killed"] for result in results if result["victim"] == victim) for victim in VICTIMS
        },
        "same_rows": sum(result["same"] for result in results),
    }


def _kill_run(command: list[str], expected: list[Row], victim: Victim, after_s: float) -> dict[str, Any]:
    out = Path(command[command.index("--out") + 1])
    process = begin(command)
    ends = time.monotonic() + after_s
    killed = 0
    while process.poll() is None and not killed:
        time.sleep(_LOOK_S)
        if time.monotonic() < ends:
            continue
        if victim == "job":
            kill_all(process)
            killed = 1
        elif found := workers(process):  # later, if none is at work yet
            os.kill(min(found), signal.SIGKILL)
            killed = 1
    if victim == "job" and killed:
        process = begin(command)  # the same command goes on
    finish(process)
    same = rows_in(out) == expected
    shutil.rmtree(out)
    return {"victim": victim, "killed": killed, "same": same}
