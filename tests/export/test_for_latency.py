"""A goal in milliseconds becomes the least speed-up that reaches it; the timing of networks is made up, but for one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import export.for_latency
from export.__main__ import cli
from export.for_latency import CLOSE_ENOUGH, speedup_for, time_network
from train.errors import GoalError
from train.networks.vgg16 import count_macs
from train.recipes import Recipe
from train.runs.finished import FinishedRun, load_run
from train.slim.base import MeasuredChannels
from train.slim.goal import Goal
from train.slim.observed import full_widths, observed_layers
from train.slim.widths import STEP


@pytest.fixture(scope="module")
def run(pooled_run: Path) -> FinishedRun:
    return load_run(pooled_run)


@pytest.fixture(autouse=True)
def channels(run: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each channel is worth takes a minute to measure: here all layers miss a channel alike."""
    layers = observed_layers(run.recipe)
    sensitivities = {name: SimpleNamespace(error_at=lambda width: 1 / width) for name in layers}
    measured = MeasuredChannels(SimpleNamespace(layers=layers), sensitivities, np.empty(0, np.uint8))
    monkeypatch.setattr(export.for_latency, "measure_channels", lambda *_: measured)


@pytest.fixture
def timed(run: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many times less to compute the candidates had: one that has all takes 100 ms, others less in proportion."""
    all_macs, tried = count_macs(full_widths(run.recipe), run.recipe.image_size), []

    def made_up(recipe: Recipe, classes: int, threads: int) -> float:
        assert (classes, threads) == (3, 2)
        tried.append(all_macs / count_macs(recipe.widths, recipe.image_size, recipe.first_stride))
        return 100 / tried[-1]

    monkeypatch.setattr(export.for_latency, "time_network", made_up)
    return tried


def test_the_least_speedup_that_is_fast_enough_is_found(run: FinishedRun, timed: list[float], tmp_path: Path):
    found = speedup_for(12.5, run, run.folder.dataset(), Goal(), threads=2, cache=tmp_path)
    assert found.ms <= 12.5
    assert 100 / found.ms == pytest.approx(found.speedup, rel=0.15)  # widths come in steps of 16
    too_slow = [speedup for speedup in timed if 100 / speedup > 12.5]
    assert found.speedup <= max(too_slow) * CLOSE_ENOUGH + 0.1
    assert len(timed) < 10


def test_a_time_that_no_network_reaches_is_refused(run: FinishedRun, timed: list[float], tmp_path: Path):
    with pytest.raises(GoalError, match=r"with a speed-up of \d+(\.\d)?, the network takes .* 2 thread\(s\)"):
        speedup_for(0.1, run, run.folder.dataset(), Goal(), threads=2, cache=tmp_path)
    assert len(timed) == 1


def test_a_network_of_fewer_channels_is_faster(run: FinishedRun):
    full = full_widths(run.recipe)
    wide, narrow = (
        time_network(replace(run.recipe, image_size=64, widths=widths), 3, 1)
        for widths in (full, tuple(STEP for _ in full))
    )
    assert 0 < 3 * narrow < wide


def test_the_command_says_what_comes_next(pooled_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export.for_latency, "time_network", lambda *_: 1.5)
    arguments = ["speedup", str(pooled_run), "--for-latency", "2", "--first-stride", "2", "--cache", str(tmp_path)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "1.50 ms on 1 thread(s) with a speed-up of 1" in done.output
    assert f"python -m train slim {pooled_run} --out RUN2 --speedup 1" in done.output
    assert done.output.rstrip().endswith("--first-stride 2")


def test_a_speedup_and_a_time_are_two_goals(tmp_path: Path):
    arguments = ["from-photos", str(tmp_path), "--out", "x.onnx", "--speedup", "8", "--for-latency", "2"]
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, "give one of --speedup and --for-latency" in done.output) == (2, True)
