"""Run some cases of one target in a process of their own, under limits of time and memory.

    python -m tests.fuzz.worker TARGET SEED FIRST COUNT PROGRESS_FILE

The number of the case at hand stands in the progress file, so that whoever started the
process knows what killed it. Prints the outcomes and findings as one JSON object.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import onnxruntime

from tests.fuzz.targets import Target, target_of

MAX_CASE_CPU_S = 5.0  # more is a finding
HANG_CPU_S = 30.0  # ends the worker, and so does waiting:
HANG_S = 600  # by the clock, for a busy machine may stop a process for long
MAX_EXTRA_MEMORY_BYTES = 2_000_000_000


def case(target: Target, seed: int, number: int) -> bytes:
    """Return the bytes of one case, whatever was run before it."""
    return target.make(np.random.default_rng([seed, number]))


def run_cases(target: Target, seed: int, first: int, count: int, progress: int) -> dict[str, object]:
    """Run cases and collect what became of them."""
    outcomes: Counter[str] = Counter()
    findings: list[dict[str, object]] = []
    slowest_s = 0.0
    for number in range(first, first + count):
        os.pwrite(progress, b"%20d" % number, 0)
        signal.setitimer(signal.ITIMER_PROF, HANG_CPU_S)
        signal.alarm(HANG_S)
        started = time.process_time()
        try:
            with redirect_stdout(StringIO()) as printed:
                outcome = target.outcome(case(target, seed, number))
            assert not printed.getvalue(), f"printed {printed.getvalue()!r}"
            outcomes[outcome] += 1
        except Exception:
            outcomes["finding"] += 1
            findings.append({"case": number, "what": traceback.format_exc(limit=-4)})
        used_s = time.process_time() - started
        slowest_s = max(slowest_s, used_s)
        if used_s > MAX_CASE_CPU_S:
            findings.append({"case": number, "what": f"took {used_s:.1f} s of CPU"})
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)
    return {"outcomes": outcomes, "findings": findings, "slowest_s": slowest_s}


def main() -> None:
    name, seed, first, count, progress = sys.argv[1:]
    target = target_of(name)
    warnings.simplefilter("ignore")
    onnxruntime.set_default_logger_severity(4)
    in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MAX_EXTRA_MEMORY_BYTES,) * 2)
    with open(progress, "wb", buffering=0) as file:  # noqa: PTH123
        result = run_cases(target, int(seed), int(first), int(count), file.fileno())
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
