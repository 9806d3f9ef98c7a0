"""Runtimes that only pretend: each worker process of the comparison imports this file, and numpy alone with it."""

from pathlib import Path

import numpy as np

from benchmarks.runtimes.networks import Answer

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])


def answers(shift: float, source: Path, threads: int | None) -> Answer:
    """Answer pictures of 0 and 1 with the rows of `ANSWERS`, the first label's probability shifted."""
    assert source.name == "source"
    moved = ANSWERS + np.array([-shift, shift, 0])
    return lambda batch: moved[batch[:, 0, 0, 0]]


def fails(source: Path, threads: int | None) -> Answer:
    raise RuntimeError("no such operator\nand more")
