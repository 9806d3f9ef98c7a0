import os
import sys
from pathlib import Path

import pytest

from edge_infer.runtime import cpus
from edge_infer.runtime.cpus import affinity_cpus, available_cpus, cpu_quota


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Control groups of our own, and eight cores."""
    monkeypatch.setattr(cpus, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(cpus, "_HIERARCHIES", tmp_path)
    monkeypatch.setattr(cpus, "affinity_cpus", lambda: 8)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("limit", "quota", "threads"),
    [
        ("max 100000", None, 8),
        ("400000 100000", 4.0, 4),
        ("150000 100000", 1.5, 1),  # two threads would stand still for a quarter of the time
        ("50000 100000", 0.5, 1),
        ("1600000 100000", 16.0, 8),
        ("nonsense", None, 8),
        ("1 0", None, 8),
    ],
)
def test_the_quota_of_a_container(groups: Path, limit: str, quota: float | None, threads: int) -> None:
    write(groups / "membership", "0::/\n")
    write(groups / "cpu.max", f"{limit}\n")
    assert (cpu_quota(), available_cpus()) == (quota, threads)


def test_the_tightest_of_the_groups_around_counts(groups: Path) -> None:
    write(groups / "membership", "0::/kiosk/app\n")
    write(groups / "kiosk" / "cpu.max", "200000 100000\n")
    write(groups / "kiosk" / "app" / "cpu.max", "300000 100000\n")
    assert (cpu_quota(), available_cpus()) == (2.0, 2)


@pytest.mark.parametrize(("quota", "expected"), [("-1", None), ("250000", 2.5)])
def test_version_1(groups: Path, quota: str, expected: float | None) -> None:
    write(groups / "membership", "4:memory:/\n3:cpu,cpuacct:/docker/1f\n1:name=systemd:/\n")
    write(groups / "cpu,cpuacct" / "cpu.cfs_quota_us", quota)  # in a container, its own group is mounted as the root
    write(groups / "cpu,cpuacct" / "cpu.cfs_period_us", "100000")
    assert cpu_quota() == expected


def test_without_proc_or_sys_there_is_no_limit(groups: Path) -> None:
    assert (cpu_quota(), available_cpus()) == (None, 8)
    write(groups / "membership", "0::/\n3:cpu:/\n")
    assert (cpu_quota(), available_cpus()) == (None, 8)


def test_without_affinity_the_machines_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert affinity_cpus() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux' own scheduler")
def test_the_affinity_counts_not_the_machine() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert (affinity_cpus(), available_cpus()) == (1, 1)
    finally:
        os.sched_setaffinity(0, before)
