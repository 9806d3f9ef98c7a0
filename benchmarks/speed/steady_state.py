"""The time of one answer once everything is warm: by threads, against the bare network, and what spinning burns."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

from benchmarks.harness.contenders import Spinning, classifier, network
from benchmarks.harness.plan import Plan
from benchmarks.harness.processes import output_of, python
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.harness.workers import Contender, cpu_ms_a_run, in_turn, seconds_of, started

MUST_HOLD = 1.1  # p50 of classify / session.run
AGREEMENT = 0.05  # with an independent measurement

# A camera or a kiosk leaves pauses, in which threads may spin for nothing.
PAUSE_S = 0.02
# What anybody would write to check the figures: nothing in common with the measuring above.
INDEPENDENT = """
import sys, timeit
import numpy as np
from edge_infer import Classifier

classifier = Classifier(sys.argv[1], threads=int(sys.argv[2]), faces="never", second_look="never")
spec = classifier.metadata.input
picture = np.random.default_rng(1).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
timeit.timeit(lambda: classifier.classify(picture), number=int(sys.argv[3]))
runs = sorted(timeit.repeat(lambda: classifier.classify(picture), number=1, repeat=int(sys.argv[3])))
print(runs[len(runs) // 2])
"""


def measure_threads(model: str, threads: Sequence[int], plan: Plan) -> dict[str, Any]:
    """Compare `Classifier.classify` with `session.run` for each number of threads, all in turn.

    Returns:
        By number of threads: both summaries in ms, their ratio, processor time per answer in ms, and the
        peak of memory in MB.
    """
    contenders: dict[str, Callable[[], Contender]] = {}
    for count in threads:
        contenders[f"classify, {count}"] = partial(classifier, model, count)
        contenders[f"session.run, {count}"] = partial(network, model, count)
    with started(contenders, plan.warm_up) as workers:
        measured = in_turn(workers, rounds=plan.rounds, runs=plan.runs, budget_s=plan.budget_s)
        peaks = {name: worker.peak_memory_mb() for name, worker in workers.items()}
    figures = {}
    for count in threads:
        ours, bare = measured[f"classify, {count}"], measured[f"session.run, {count}"]
        figures[str(count)] = {
            "classify_ms": summarize_ms(seconds_of(ours)),
            "session_run_ms": summarize_ms(seconds_of(bare)),
            "classify_over_session_run": ratio_of_medians(seconds_of(ours), seconds_of(bare)),
            "cpu_ms_an_answer": cpu_ms_a_run(ours),
            "peak_memory_mb": peaks[f"classify, {count}"],
        }
    return figures


def measure_independently(model: str, threads: int, runs: int) -> float:
    """Return the p50 of `classify` in ms, as a script without anything of these benchmarks finds it."""
    return round(float(output_of(python(INDEPENDENT, model, str(threads), str(runs)))) * 1e3, 3)


def measure_spinning(model: str, threads: int, plan: Plan) -> dict[str, Any]:
    """Compare what waiting threads do: answers one after the other, and with pauses between them.

    Returns:
        By way of waiting: p50 and processor time of an answer in ms, without and with pauses of `PAUSE_S`.
    """
    contenders = {mode: partial(network, model, threads, mode) for mode in get_args(Spinning)}
    with started(contenders, plan.warm_up) as workers:
        rounds = max(2, plan.rounds // 4)
        busy = in_turn(workers, rounds=rounds, runs=plan.runs, budget_s=plan.budget_s / 2)
        paced = in_turn(workers, rounds=2, runs=plan.runs, pause_s=PAUSE_S, budget_s=plan.budget_s / 2)
    return {
        mode: {
            "busy": {"p50_ms": summarize_ms(seconds_of(busy[mode]))["p50"], "cpu_ms": cpu_ms_a_run(busy[mode])},
            "paused": {"p50_ms": summarize_ms(seconds_of(paced[mode]))["p50"], "cpu_ms": cpu_ms_a_run(paced[mode])},
        }
        for mode in contenders
    }
