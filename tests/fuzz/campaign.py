"""A long run in pieces: each in a worker process, the sum written after every piece.

What is in the result file is not run again, so a campaign can be stopped and continued.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

CASES_A_PIECE = 1000
WORKER = ["-m", "tests.fuzz.worker"]


def run_campaign(
    target: str, seed: int, cases: int, out: Path | None = None, say: Callable[[str], object] = lambda line: None
) -> dict[str, Any]:
    """Run cases 0 to `cases` of a target.

    Args:
        target: One of `tests.fuzz.targets.TARGETS`.
        seed: Another seed, other cases.
        cases: How many.
        out: Result file, to continue and to write.
        say: Told the progress.

    Returns:
        What became of the cases, every finding, and what the slowest and largest cost.
    """
    result: dict[str, Any] = {"target": target, "seed": seed, "cases": 0}
    result |= {"outcomes": {}, "findings": [], "slowest_s": 0.0, "peak_mb": 0.0}
    if out is not None and out.exists():
        result = json.loads(out.read_text(encoding="utf-8"))
        assert (result["target"], result["seed"]) == (target, seed), f"{out} is of another campaign"
    while result["cases"] < cases:
        piece = run_piece(target, seed, result["cases"], min(CASES_A_PIECE, cases - result["cases"]))
        outcomes = Counter(result["outcomes"]) + Counter(piece["outcomes"])
        result["cases"] += piece["cases"]
        result["outcomes"] = dict(sorted(outcomes.items()))
        result["findings"] += piece["findings"]
        for figure in ("slowest_s", "peak_mb"):
            result[figure] = round(max(result[figure], piece[figure]), 3)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            unfinished = out.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            unfinished.replace(out)
        say(f"{target}: {result['cases']} of {cases} cases, {len(result['findings'])} findings")
    return result


def run_piece(target: str, seed: int, first: int, count: int) -> dict[str, Any]:
    """Run cases in a worker; a case that ends the worker is a finding and ends the piece."""
    with tempfile.NamedTemporaryFile() as progress:
        command = [sys.executable, *WORKER, target, str(seed), str(first), str(count), progress.name]
        environment = os.environ | {"MALLOC_CHECK_": "3"}  # glibc aborts on heap damage it notices
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode == 0:
            return {"cases": count, **json.loads(done.stdout.splitlines()[-1])}
        killer = int(progress.read() or first)
    # The outcomes before it went with the worker: run them again by themselves.
    before = run_piece(target, seed, first, killer - first) if killer > first else {"outcomes": {}, "findings": []}
    what = f"ended the process with {done.returncode}: {done.stderr[-500:]}"
    return {
        "cases": killer - first + 1,
        "outcomes": Counter(before["outcomes"]) + Counter(finding=1),
        "findings": [*before["findings"], {"case": killer, "what": what}],
        "slowest_s": before.get("slowest_s", 0.0),
        "peak_mb": before.get("peak_mb", 0.0),
    }
