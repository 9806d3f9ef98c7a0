"""Shards to the workers of a Ray cluster: this machine's own, or one that is there."""

import logging
import signal
import socket
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import ray

from edge_infer.bulk.storage import reason
from edge_infer.bulk.worker import Shard, Work, answer_shard
from edge_infer.errors import ClusterError, EdgeInferError
from edge_infer.runtime.cpus import available_cpus

RETRIES = 10  # of a shard whose worker was killed or whose machine left
_OBJECTS_BYTES = 80_000_000  # the least that Ray takes; only names and the model go through it, no pictures
_ANSWER_S = 10  # for a cluster's first sign of life
_AHEAD = 2  # shards per core: the next one waits where the last one ends


def run_on_ray(
    work: Work, shards: Iterable[Shard], *, address: str | None = None, workers: int | None = None
) -> Iterator[int]:
    """Answer shards, each on a core of its own, and again if its worker was lost.

    Args:
        work: What workers have to know.
        shards: Taken as workers become free.
        address: Of an existing cluster; None to begin one on this machine, which ends with the iteration.
        workers: Shards worked on at a time; None for one on each core.

    Yields:
        The number of pictures of a shard, as each is finished.

    Raises:
        ClusterError: No cluster answers at that address, or a shard's workers kept dying.
        EdgeInferError: What `answer_shard` raises.
    """
    with _cluster(address, workers, len(work.model.data)):
        shared = ray.put(work)
        task = ray.remote(answer_shard).options(num_cpus=1, max_retries=RETRIES)
        # A cluster of our own has so many cores, and Ray keeps to them.
        at_a_time = workers if workers and address else _AHEAD * cores()
        remaining = iter(shards)
        running: dict[Any, Shard] = {}
        while True:
            for shard in islice(remaining, at_a_time - len(running)):
                running[task.remote(shared, *shard)] = shard
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            yield _result(done, running.pop(done))


def _result(done: Any, shard: Shard) -> int:  # noqa: ANN401  # a reference to what Ray keeps
    number, names = shard
    try:
        count: int = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, EdgeInferError):
            raise error.cause from None
        raise ClusterError(f"shard {number} failed: {reason(error.cause)}") from error
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"the workers of shard {number} ({names[0]} to {names[-1]}) were lost {RETRIES + 1} times: "
            f"{reason(error)}; the same command goes on"
        ) from error
    return count


def cores() -> int:
    """Return how many cores the cluster has that this process is connected to."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call, unused-ignore]
    return max(1, int(resources.get("CPU", 1)))


@contextmanager
def _cluster(address: str | None, workers: int | None, model_bytes: int) -> Iterator[None]:
    if ray.is_initialized():  # the caller's own
        yield
        return
    own = {
        "num_cpus": workers or available_cpus(),
        "include_dashboard": False,
        "object_store_memory": _OBJECTS_BYTES + 2 * model_bytes,
    }
    options = {"address": "local", **own} if address is None else {"address": address}
    _check_address(address)
    with _signals_kept():
        try:
            with warnings.catch_warnings(action="ignore"):  # Ray's own affairs
                ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # of many classes: no such cluster, another version of Ray or Python
            where = "Ray does not start here" if address is None else f"no Ray cluster can be used at {address}"
            raise ClusterError(f"{where}: {reason(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str | None) -> None:
    """Refuse an address where nothing listens; Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {reason(error)}") from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back the handlers of signals that Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
