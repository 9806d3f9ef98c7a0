"""What a log says of long work."""

import sys

import pytest

from train import progress
from train.progress import track


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the clock's readings, in which tests let time pass."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[-1])
    return clock


def test_a_log_gets_a_line_a_minute(seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    worked = []
    for item in track("abcdef", "Distilling"):
        worked.append(item)
        seconds.append(seconds[-1] + 40)
    assert worked == list("abcdef")
    assert capsys.readouterr().err == "Distilling: 2 of 6\nDistilling: 4 of 6\n"


def test_short_work_says_nothing_in_a_log(seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(3), "Distilling")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_where_someone_watches_a_bar_moves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(track(range(3), "Distilling")) == [0, 1, 2]
    assert "Distilling" in capsys.readouterr().err
