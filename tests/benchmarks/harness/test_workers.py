"""Contenders in processes of their own. What they do is told by a file, since they share nothing else."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.harness.machine import NotMeasuredError
from benchmarks.harness.workers import (
    SETTLE_RUNS,
    Contender,
    WarmUp,
    Worker,
    cpu_ms_a_run,
    in_turn,
    seconds_of,
    started,
)

FEW = WarmUp(runs=3, seconds=0)


def writes(name: str, file: Path) -> Contender:
    def run() -> None:
        with file.open("a") as stream:
            stream.write(name)

    return run


def sleeps(seconds: float) -> Contender:
    return lambda: time.sleep(seconds)


def fails_to_start() -> Contender:
    raise ImportError("no module of that name\nand more")


def fails_to_run() -> Contender:
    calls: list[int] = []
    return lambda: calls.append(1) if len(calls) < 3 else 1 / 0


def dies() -> Contender:
    return lambda: os._exit(9)


def test_rounds_are_run_in_turn_after_the_warm_up(tmp_path: Path) -> None:
    file = tmp_path / "calls"
    contenders = {name: partial(writes, name, file) for name in "ab"}
    with started(contenders, FEW) as workers:
        measured = in_turn(workers, rounds=3, runs=4)
    assert file.read_text() == "aaa" + "bbb" + ("a" * (SETTLE_RUNS + 4) + "b" * (SETTLE_RUNS + 4)) * 3
    assert {name: [len(times) for times in seconds_of(rounds)] for name, rounds in measured.items()} == {
        "a": [4, 4, 4],
        "b": [4, 4, 4],
    }


def test_times_and_processor_time_are_those_of_the_contender() -> None:
    with started({"sleeps": partial(sleeps, 0.01)}, FEW) as workers:
        measured = in_turn(workers, rounds=2, runs=5)["sleeps"]
        peak = workers["sleeps"].peak_memory_mb()
    assert min(min(times) for times in seconds_of(measured)) >= 0.01
    assert cpu_ms_a_run(measured) < 5
    assert peak is None or peak > 5


def test_a_budget_ends_a_comparison_early() -> None:
    with started({"sleeps": partial(sleeps, 0.01)}, FEW) as workers:
        assert len(in_turn(workers, rounds=1000, runs=5, budget_s=0.1)["sleeps"]) == 2


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (fails_to_start, "^no module of that name$"),
        (fails_to_run, "^division by zero$"),
        (dies, "^its process ended with code 9$"),
    ],
)
def test_a_contender_that_fails_is_not_measured(build: object, message: str) -> None:
    with pytest.raises(NotMeasuredError, match=message):
        Worker(build, WarmUp(runs=5, seconds=0))


def test_a_worker_that_dies_between_rounds_is_not_measured() -> None:
    with started({"sleeps": partial(sleeps, 0.0)}, FEW) as workers:
        worker = workers["sleeps"]
        assert len(worker.measure(runs=2).seconds) == 2
        worker._process.kill()
        worker._process.join()
        with pytest.raises(NotMeasuredError, match=r"^its process ended with code -9$"):
            worker.measure(runs=2)
