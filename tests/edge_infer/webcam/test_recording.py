"""Recordings, written and read again by OpenCV."""

import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.webcam import recording
from edge_infer.webcam.recording import Recorder, free_path, save_snapshot
from tests.edge_infer.webcam.conftest import read_clip

RED, BLUE = Image.new("RGB", (64, 48), (205, 30, 40)), Image.new("RGB", (64, 48), (40, 60, 200))


def recorded(path: Path, frames: list[tuple[Image.Image, float]], **options: object) -> list[object]:
    recorder = Recorder(path, (64, 48), **options)
    for image, time_s in frames:
        recorder.write(image, time_s)
    recorder.close()
    return read_clip(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.MP4"])
def test_a_recording_can_be_played(tmp_path: Path, name: str) -> None:
    frames = recorded(tmp_path / name, [(RED if i < 15 else BLUE, i / 30) for i in range(30)])
    assert len(frames) == 30
    assert frames[0].mean(axis=(0, 1)) == pytest.approx((205, 30, 40), abs=8)
    assert frames[-1].mean(axis=(0, 1)) == pytest.approx((40, 60, 200), abs=8)


def test_it_runs_as_fast_as_what_it_shows(tmp_path: Path) -> None:
    slow = recorded(tmp_path / "slow.avi", [(RED, 7 + i / 5) for i in range(11)])  # 2 seconds at 5 frames per second
    assert len(slow) == 61
    fast = recorded(tmp_path / "fast.avi", [(RED, i / 120) for i in range(241)])
    assert len(fast) == 61
    other = recorded(tmp_path / "other.avi", [(RED, i / 10) for i in range(21)], fps=10)
    assert len(other) == 21


def test_a_long_gap_is_cut_out(tmp_path: Path) -> None:
    frames = recorded(tmp_path / "gap.avi", [(RED, 0.0), (RED, 0.5), (BLUE, 1000.0), (BLUE, 1000.5)])
    assert len(frames) == 16 + 1 + 15


def test_frames_of_another_size_are_scaled(tmp_path: Path) -> None:
    frames = recorded(tmp_path / "a.avi", [(RED, 0.0), (BLUE.resize((31, 17)), 1 / 30)])
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2
    assert frames[1].mean(axis=(0, 1)) == pytest.approx((40, 60, 200), abs=8)


def test_odd_sizes_can_be_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "odd.mp4", (65, 49))
    recorder.write(RED.resize((65, 49)), 0.0)
    recorder.close()
    assert len(read_clip(tmp_path / "odd.mp4")) == 1


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone/a\.mp4 cannot be recorded"):
        Recorder(tmp_path / "gone" / "a.mp4", (64, 48))


def test_snapshots_are_named_by_the_time_and_replace_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "time_name", lambda: "webcam-20260131-235959")
    paths = [save_snapshot(tmp_path / "new", RED) for _ in range(3)]
    names = [f"webcam-20260131-235959{number}.jpg" for number in ("", "-2", "-3")]
    assert [path.name for path in paths] == names
    with Image.open(paths[2]) as image:
        assert image.size == (64, 48)
        assert image.getpixel((9, 9)) == pytest.approx((205, 30, 40), abs=6)


def test_a_snapshot_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/webcam-.*\.jpg cannot be written"):
        save_snapshot(tmp_path / "file", RED)


def test_a_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    for keep in (free_path, lambda path: save_snapshot(path, RED)):
        with pytest.raises(OutputError, match="cannot be written: File name too long"):
            keep(tmp_path / ("x" * 300))


def test_a_disk_that_fills_up_leaves_no_half_snapshot(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8))
    room = save_snapshot(tmp_path / "whole", noise).stat().st_size - 100  # the last write comes up short
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OutputError, match=r"webcam-.*\.jpg cannot be written: File too large"):
            save_snapshot(tmp_path / "full", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "full").iterdir()) == []


def test_a_free_path_is_the_path_itself_if_it_can_be(tmp_path: Path) -> None:
    assert free_path(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    (tmp_path / "a.mp4").touch()
    assert free_path(tmp_path / "a.mp4") == tmp_path / "a-2.mp4"
