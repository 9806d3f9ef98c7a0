"""How much is measured: enough for the percentiles that are printed, or just enough to see that it works."""

from dataclasses import dataclass

from benchmarks.harness.samples import needed_samples
from benchmarks.harness.workers import WarmUp


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each thing is run.

    Attributes:
        warm_up: Before anything counts.
        rounds: Rounds of the steady state, of each contender.
        runs: Runs of a round.
        budget_s: Time for one comparison, after which it ends with fewer rounds.
        processes: Fresh processes of each kind.
        photos: Pictures in the folder.
        passes: Times the folder is answered.
    """

    warm_up: WarmUp
    rounds: int
    runs: int
    budget_s: float
    processes: int
    photos: int
    passes: int


_RUNS = 20
FULL = Plan(
    warm_up=WarmUp(),
    rounds=-(-needed_samples(99) // _RUNS),  # rounded up
    runs=_RUNS,
    budget_s=30.0,
    processes=15,
    photos=400,
    passes=3,
)
QUICK = Plan(warm_up=WarmUp(runs=3, seconds=0.1), rounds=3, runs=5, budget_s=5.0, processes=2, photos=16, passes=2)
