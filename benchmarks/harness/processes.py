"""Fresh processes: what a user would type, and pieces of Python."""

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.harness.machine import NotMeasuredError


def python(code: str, *arguments: str) -> list[str]:
    """Return the command that runs a piece of Python."""
    return [sys.executable, "-c", code, *arguments]


def classify_command(*arguments: str) -> list[str]:
    """Return `edge-infer classify …`."""
    return [sys.executable, "-m", "edge_infer", "classify", *arguments]


def model_arguments(model: str) -> list[str]:
    """Return the options that choose a model: a file, or the name of a bundled one."""
    return ["--model" if model.endswith(".onnx") else "--task", model]


def output_of(command: Sequence[str], codes: Sequence[int] = (0,)) -> str:
    """Run a command and return its standard output.

    Raises:
        NotMeasuredError: It ends with a code that is not in `codes`; its last word on standard error.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own
    if done.returncode not in codes:
        said = done.stderr.strip().splitlines() or [f"a process ended with code {done.returncode}"]
        raise NotMeasuredError(said[-1].removeprefix("Error: "))
    return done.stdout
