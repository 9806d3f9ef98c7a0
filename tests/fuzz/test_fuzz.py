"""A short run of every fuzz target, and proof that the harness notices what it is there for."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from edge_infer.errors import ImageDecodeError
from tests.fuzz import campaign, worker
from tests.fuzz.campaign import run_campaign, run_piece
from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
SHORT = {"pictures": 1500, "models": 600, "metadata": 600, "faces": 15}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str):
    result = run_campaign(name, seed=7, cases=SHORT[name])

    assert result["findings"] == []
    assert sum(result["outcomes"].values()) == result["cases"] == SHORT[name]
    assert result["outcomes"]["answered"] > 0  # not everything is refused at the door


def test_a_case_depends_on_its_seed_and_number_only():
    for target in TARGETS.values():
        assert worker.case(target, 1, 5) == worker.case(target, 1, 5)
        assert worker.case(target, 1, 5) != worker.case(target, 1, 6)
        assert worker.case(target, 1, 5) != worker.case(target, 2, 5)


def outcome_of(run: object, tmp_path: Path) -> dict[str, object]:
    with (tmp_path / "progress").open("wb", buffering=0) as file:
        return worker.run_cases(Target(lambda rng: rng.bytes(1), run), 1, 0, 1, file.fileno())


def refuse(message: str) -> object:
    def run(data: bytes) -> str:
        raise ImageDecodeError(message)

    return run


def think(data: bytes) -> str:
    end = time.process_time() + worker.MAX_CASE_CPU_S + 0.1
    while time.process_time() < end:
        pass
    return "answered"


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (lambda data: 1 / 0, "ZeroDivisionError"),
        (lambda data: print("noise") or "answered", "printed 'noise"),
        (refuse("two\nlines"), "more than one line"),
        (think, "s of CPU"),
    ],
    ids=["traceback", "output", "message of two lines", "slow"],
)
def test_misbehaviour_is_a_finding(run: object, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "MAX_CASE_CPU_S", 0.2)

    (finding,) = outcome_of(run, tmp_path)["findings"]

    assert what in finding["what"]


def test_answers_and_typed_errors_are_counted(tmp_path: Path):
    assert outcome_of(lambda data: "answered", tmp_path)["outcomes"] == {"answered": 1}
    assert outcome_of(refuse("one line"), tmp_path)["outcomes"] == {"ImageDecodeError": 1}


DYING_WORKER = """
import os, signal, sys
name, seed, first, count, progress = sys.argv[1:]
for number in range(int(first), int(first) + int(count)):
    open(progress, "wb").write(b"%20d" % number)
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
print('{"outcomes": {"answered": %s}, "findings": [], "slowest_s": 0.1, "peak_mb": 1}' % count)
"""


def test_a_crash_is_a_finding_of_its_case_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "dying.py").write_text(DYING_WORKER)
    monkeypatch.setattr(campaign, "WORKER", [str(tmp_path / "dying.py")])

    result = run_campaign("pictures", seed=1, cases=8)

    assert result["outcomes"] == {"answered": 7, "finding": 1}
    assert [finding["case"] for finding in result["findings"]] == [3]
    assert "ended the process with -11" in result["findings"][0]["what"]


@pytest.mark.slow
def test_a_campaign_goes_on_where_its_file_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "results" / "metadata.json"
    whole = run_campaign("metadata", seed=3, cases=50)
    monkeypatch.setattr(campaign, "CASES_A_PIECE", 20)
    half = run_campaign("metadata", seed=3, cases=20, out=out)
    ran = []
    monkeypatch.setattr(campaign, "run_piece", lambda *piece: ran.append(piece) or run_piece(*piece))

    resumed = run_campaign("metadata", seed=3, cases=50, out=out)

    assert ran == [("metadata", 3, 20, 20), ("metadata", 3, 40, 10)]
    assert half["cases"] == 20
    assert resumed["outcomes"] == whole["outcomes"]
    assert [path.name for path in out.parent.iterdir()] == ["metadata.json"]


def test_mutations_change_a_file_in_many_ways():
    from tests.fuzz.mutations import mutate

    data = bytes(range(256))
    mutated = {mutate(data, [data], np.random.default_rng(i)) for i in range(200)}

    assert len(mutated) > 190
    assert {len(each) < 256 for each in mutated} == {True, False}


@pytest.mark.parametrize("name", TARGETS)
def test_the_page_quotes_the_long_runs(name: str):
    result = json.loads((ROOT / "benchmarks" / "results" / "fuzz" / f"{name}.json").read_text(encoding="utf-8"))

    assert result["findings"] == []
    assert reliability_row(result) in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def reliability_row(result: dict[str, object]) -> str:
    """Return a campaign's row of the table in docs/reliability.md."""
    outcomes = ", ".join(f"{count:,} {name}" for name, count in result["outcomes"].items())
    figures = f"{result['seed']} | {result['cases']:,} | {outcomes} | {len(result['findings'])}"
    return f"| {result['target']} | {figures} | {result['slowest_s']:.2f} s |"
