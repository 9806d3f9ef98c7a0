"""Recordings, written and read again by OpenCV."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.webcam import disk_room, recording
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


def test_frames_of_another_size_are_fitted_in_and_not_distorted(tmp_path: Path) -> None:
    frames = recorded(
        tmp_path / "a.avi", [(RED, 0.0), (BLUE.resize((32, 24)), 1 / 30), (BLUE.resize((48, 64)), 2 / 30)]
    )
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
    assert frames[1].mean(axis=(0, 1)) == pytest.approx((40, 60, 200), abs=8)
    assert frames[2][:, 18:46].mean(axis=(0, 1)) == pytest.approx((40, 60, 200), abs=12)  # upright, between black bars
    assert frames[2][:, :8].mean() == pytest.approx(0, abs=8)
    assert frames[2][:, -8:].mean() == pytest.approx(0, abs=8)


def test_odd_sizes_can_be_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "odd.mp4", (65, 49))
    recorder.write(RED.resize((65, 49)), 0.0)
    recorder.close()
    assert len(read_clip(tmp_path / "odd.mp4")) == 1


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone/a\.mp4 cannot be recorded"):
        Recorder(tmp_path / "gone" / "a.mp4", (64, 48))


NOISE = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (240, 320, 3), np.uint8)) for i in range(5)]


def record_until_full(path: Path) -> str:
    recorder = Recorder(path, NOISE[0].size)
    try:
        for i in range(3000):
            recorder.write(NOISE[i % 5], i / 30)
    except OutputError as full:
        return str(full)
    return "not full"


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_disk_that_fills_up_leaves_what_was_recorded_whole(small_disk: Path, suffix: str) -> None:
    path = small_disk / f"full{suffix}"
    message = record_until_full(path)
    frames = read_clip(path)
    assert message == f"{path} ends after {len(frames) / 30:.1f} s: its disk is full"
    assert len(frames) > 20
    assert 4 << 20 < path.stat().st_size < 5 << 20
    with pytest.raises(OutputError, match=r"none\.mp4 cannot be recorded: its disk is full"):
        Recorder(small_disk / "none.mp4", NOISE[0].size)
    assert not (small_disk / "none.mp4").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of five megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", folder]).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_file_that_may_not_grow_is_finished_before(tmp_path: Path, suffix: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
    try:
        message = record_until_full(tmp_path / f"full{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    frames = read_clip(tmp_path / f"full{suffix}")
    assert message == f"{tmp_path}/full{suffix} ends after {len(frames) / 30:.1f} s: no file may be larger here"
    assert len(frames) > 20


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_file_that_is_not_whole_in_the_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    recorder = Recorder(tmp_path / f"full{suffix}", NOISE[0].size)
    monkeypatch.setattr(recorder, "_shortage", lambda: None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        for i in range(60):
            recorder.write(NOISE[i % 5], i / 30)
        with pytest.raises(OutputError, match=f"full{suffix} is not whole: its disk is full, or it was removed"):
            recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_memory_sticks_hold_no_file_of_more_than_4_gib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    number = f"{os.major(device)}:{os.minor(device)}"
    monkeypatch.setattr(disk_room, "MOUNTS", mounts)
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**50))
    shortages = {}
    for kind in ("vfat", "ext4"):
        mounts.write_text(
            f"22 27 0:99 / /proc rw - proc proc rw\n36 35 {number} / /mnt rw master:1 - {kind} /dev/sda1 rw\n"
        )
        path = tmp_path / "a.mp4"
        path.write_bytes(bytes(1000))
        room = disk_room.DiskRoom(path)
        shortages[kind] = [room.shortage(needed) for needed in (2**32 - 1001, 2**32 - 1000, 2**50, 2**50 + 1)]
    too_large, full = "no file may be larger here", "its disk is full"
    assert shortages == {"vfat": [None, too_large, too_large, too_large], "ext4": [None, None, None, full]}


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
