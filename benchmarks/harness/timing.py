"""Compare things fairly inside one process: run them in turn."""

import time
from collections.abc import Callable, Mapping


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
