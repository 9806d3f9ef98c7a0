"""Contenders in processes of their own, measured in turn.

Sessions of one process share its cores badly: threads of the one still spin, waiting for work, while the
other is timed. A worker process that has nothing to do sleeps.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarks.harness.machine import NotMeasuredError, peak_memory_mb, reason

Contender = Callable[[], object]

# onnxruntime's threads go on spinning for a while after a run, which must not fall into the next contender's time.
SETTLE_S = 0.05
# After a pause the first runs find cold caches and a slow clock.
SETTLE_RUNS = 2


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What is run before anything counts: at least so many runs, and for at least so long."""

    runs: int = 20
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    """Runs that followed each other.

    Attributes:
        seconds: Time of each run.
        cpu_s: Processor time of the whole process, all threads, over the round.
    """

    seconds: list[float]
    cpu_s: float


class Worker:
    """A process that holds one contender, warmed up.

    Args:
        build: Called in the process to make the contender: a function of a module, or a `partial` of one.
        warm_up: Run before anything counts.

    Raises:
        NotMeasuredError: The contender could not be made or failed.
    """

    def __init__(self, build: Callable[[], Contender], warm_up: WarmUp) -> None:
        context = get_context("spawn")  # a forked process would inherit sessions without their threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, build, warm_up))
        self._process.start()
        theirs.close()
        try:
            self._receive()
        except BaseException:
            self.close()
            raise

    def measure(self, runs: int, pause_s: float = 0.0) -> Round:
        """Run the contender so many times, with a pause before each.

        Raises:
            NotMeasuredError: It failed.
        """
        measured = self._receive((runs, pause_s))
        assert measured is not None  # noqa: S101  # only the first answer has no figures
        return measured

    def peak_memory_mb(self) -> float | None:
        """Return the process's largest resident set so far, in MB; None where the system does not tell."""
        assert self._process.pid is not None  # noqa: S101  # it was started
        try:
            return peak_memory_mb(self._process.pid)
        except NotMeasuredError:
            return None

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _receive(self, order: tuple[int, float] | None = None) -> Round | None:
        """Return what the process answers, to an order or once it is ready."""
        try:
            if order is not None:
                self._pipe.send(order)
            answer: Round | str | None = self._pipe.recv()
        except (EOFError, OSError) as error:  # it may have died before it was asked
            self._process.join()
            raise NotMeasuredError(f"its process ended with code {self._process.exitcode}") from error
        if isinstance(answer, str):
            raise NotMeasuredError(answer)
        return answer


@contextmanager
def started(contenders: Mapping[str, Callable[[], Contender]], warm_up: WarmUp) -> Iterator[dict[str, Worker]]:
    """Start a worker for each contender, by name, and end them.

    Raises:
        NotMeasuredError: As in `Worker`.
    """
    workers: dict[str, Worker] = {}
    try:
        for name, build in contenders.items():
            workers[name] = Worker(build, warm_up)
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def in_turn(
    workers: Mapping[str, Worker], *, rounds: int, runs: int, pause_s: float = 0.0, budget_s: float = float("inf")
) -> dict[str, list[Round]]:
    """Measure a round of each worker after the other (ABAB), so that a slow minute is slow for all.

    Args:
        workers: By name.
        rounds: Rounds of each, fewer if they take longer than `budget_s`, but at least two.
        runs: Runs of each round.
        pause_s: Before each run.
        budget_s: Seconds for all.
    """
    measured: dict[str, list[Round]] = {name: [] for name in workers}
    started = time.monotonic()
    for number in range(rounds):
        if number >= 2 and time.monotonic() - started > budget_s:
            break
        for name, worker in workers.items():
            time.sleep(SETTLE_S)
            measured[name].append(worker.measure(runs, pause_s))
    return measured


def seconds_of(rounds: list[Round]) -> list[list[float]]:
    """Return the times alone."""
    return [one.seconds for one in rounds]


def cpu_ms_a_run(rounds: list[Round]) -> float:
    """Return processor time per run, in milliseconds, averaged over the rounds."""
    return round(sum(one.cpu_s for one in rounds) / sum(len(one.seconds) for one in rounds) * 1e3, 3)


def _serve(pipe: Connection, build: Callable[[], Contender], warm_up: WarmUp) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and closes the pipe
    try:
        run = build()
        _warm_up(run, warm_up)
        pipe.send(None)
        while True:
            runs, pause_s = pipe.recv()
            for _ in range(SETTLE_RUNS if not pause_s else 0):
                run()
            pipe.send(_round(run, runs, pause_s))
    except (EOFError, BrokenPipeError):  # the parent has what it wants
        return
    except Exception as error:  # whatever a contender raises is why it is not measured
        pipe.send(reason(error))


def _warm_up(run: Contender, warm_up: WarmUp) -> None:
    started, runs = time.perf_counter(), 0
    while runs < warm_up.runs or time.perf_counter() - started < warm_up.seconds:
        run()
        runs += 1


def _round(run: Contender, runs: int, pause_s: float) -> Round:
    seconds = []
    cpu_started = time.process_time()
    for _ in range(runs):
        if pause_s:
            time.sleep(pause_s)
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return Round(seconds, time.process_time() - cpu_started)
