"""The processor: what Linux says of it, and how many of its cores this process may use.

That is its affinity and, in a container, the control group's quota.

A container that is limited to half of the time on four cores still sees four. With a thread for each,
all of them stand still for what is left of every period once the quota is spent, and a network, whose
threads wait for each other after every layer, gets slower by more than the quota says.
"""

import os
from collections.abc import Iterator
from operator import index
from pathlib import Path

# What decides how fast int8 is, and on x86 whether sums of products overflow (edge_infer.runtime.session).
INT8_FLAGS = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimd", "asimddp", "i8mm", "sve")

MOST_THREADS = 1024  # onnxruntime asks for 40 kB each, whether or not they can all be started

_CPUINFO = Path("/proc/cpuinfo")
_MEMBERSHIP = Path("/proc/self/cgroup")
_HIERARCHIES = Path("/sys/fs/cgroup")


def cpu_fields() -> dict[str, str]:
    """Return what Linux says of the last core.

    Raises:
        OSError: It cannot be read.
    """
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def int8_flags(fields: dict[str, str]) -> list[str]:
    """Return those of `INT8_FLAGS` that the core has."""
    known = set((fields.get("flags") or fields.get("Features") or "").split())
    return [flag for flag in INT8_FLAGS if flag in known]


def check_threads(threads: int | None) -> None:
    """Refuse a number of threads that cannot be meant; None is for as many as there are cores.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is below 1 or above `MOST_THREADS`.
    """
    if threads is None:
        return
    try:
        index(threads)
    except TypeError:
        raise TypeError(f"threads must be a whole number, got {threads!r}") from None
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must be from 1 to {MOST_THREADS}, got {threads}")


def available_cpus() -> int:
    """Return how many threads can run at once: at least 1, a quota rounded down."""
    quota = cpu_quota()
    return affinity_cpus() if quota is None else max(1, min(affinity_cpus(), int(quota)))


def affinity_cpus() -> int:
    """Return the number of cores this process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota() -> float | None:
    """Return the tightest limit, in cores, of the control groups this process is in; None without one.

    Both versions of control groups are understood; what cannot be read counts as no limit.
    """
    try:
        lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    limits = [limit for line in lines if (limit := _limit_of(line)) is not None]
    return min(limits, default=None)


def _limit_of(line: str) -> float | None:
    """Return the limit of one hierarchy, from its line `number:controllers:path`."""
    _, controllers, path = line.split(":", 2)
    if not controllers:  # version 2
        limits = [_read_v2(group / "cpu.max") for group in _group_and_parents(_HIERARCHIES, path)]
    elif "cpu" in controllers.split(","):
        limits = [_read_v1(group) for group in _group_and_parents(_HIERARCHIES / controllers, path)]
    else:
        return None
    return min((limit for limit in limits if limit is not None), default=None)


def _group_and_parents(hierarchy: Path, path: str) -> Iterator[Path]:
    """Yield a group and those around it: each may set a limit. In a container the path may be the host's."""
    group = Path(path.lstrip("/"))
    for inner in (group, *group.parents):
        yield hierarchy / inner


def _read_v2(file: Path) -> float | None:
    try:
        quota, period = file.read_text(encoding="utf-8").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read_v1(group: Path) -> float | None:
    try:
        quota, period = (
            int((group / f"cpu.cfs_{name}_us").read_text(encoding="utf-8")) for name in ("quota", "period")
        )
        return None if quota < 0 else quota / period
    except (OSError, ValueError, ZeroDivisionError):
        return None
