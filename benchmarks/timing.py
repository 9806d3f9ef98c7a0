"""Compare things fairly: interleaved runs on one machine, and what that machine is."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from edge_infer.session import available_cpus


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Time each contender once a round, in turn, so that a slow minute is slow for all.

    Args:
        contenders: What to time, by name.
        rounds: Measured rounds.
        warm_up: Rounds that are not counted.

    Returns:
        Seconds of each round, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def summarize_ms(seconds: list[float]) -> dict[str, float]:
    """Return median, quartiles and number of runs, times in milliseconds."""
    low, middle, high = statistics.quantiles(seconds, n=4)
    return {
        "p25": round(low * 1e3, 2),
        "p50": round(middle * 1e3, 2),
        "p75": round(high * 1e3, 2),
        "runs": len(seconds),
    }


def machine() -> dict[str, Any]:
    """Describe the machine and the software: what a reader needs to weigh the figures."""
    return {
        "cpu": _cpu_model(),
        "cores": available_cpus(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("onnxruntime", "numpy", "pillow", "click")},
    }


def _cpu_model() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123  # a device of the kernel, not a file
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), None)
    except OSError:
        return None
