import sys
from pathlib import Path

import click
import pytest

from benchmarks.harness import machine as machine_module
from benchmarks.harness.machine import IDENTITY, NotMeasuredError, machine, peak_memory_mb
from edge_infer.runtime.cpus import available_cpus
from train import console

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux' own files")


def refuse(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """Let nothing below a folder be read."""
    read_text = Path.read_text

    def guarded(path: Path, *arguments: object, **options: object) -> str:
        if str(path).startswith(root):
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", guarded)


def test_the_machine_is_described() -> None:
    described = machine()
    assert described["cores"] == available_cpus()
    assert {"python", "system", "os", "onnxruntime", "numpy", "pillow", "click", *IDENTITY} <= described.keys()
    assert [name for name in described["not_measured"] if described[name] is not None] == []


def test_governor_frequency_and_temperature_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "_CPU0", tmp_path)
    monkeypatch.setattr(machine_module, "_THERMAL", tmp_path)
    (tmp_path / "scaling_governor").write_text("ondemand\n")
    (tmp_path / "scaling_cur_freq").write_text("1500000\n")
    for number, temperature in enumerate((48312, 52100)):
        (tmp_path / f"thermal_zone{number}").mkdir()
        (tmp_path / f"thermal_zone{number}" / "temp").write_text(f"{temperature}\n")
    described = machine()
    assert (described["governor"], described["frequency_mhz"], described["temperature_c"]) == ("ondemand", 1500, 52.1)
    assert not {"governor", "frequency_mhz", "temperature_c"} & described["not_measured"].keys()


def test_without_sys_its_fields_are_null_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "_CPU0", tmp_path / "cpufreq")
    monkeypatch.setattr(machine_module, "_THERMAL", tmp_path / "thermal")
    described = machine()
    assert (described["governor"], described["temperature_c"]) == (None, None)
    assert described["not_measured"]["governor"].startswith("No such file or directory: ")
    assert described["not_measured"]["temperature_c"] == f"no thermal zone in {tmp_path / 'thermal'}"


def test_without_permission_for_proc_its_fields_are_null_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "/proc")
    described = machine()
    assert (described["cpu"], described["flags"], described["quota"]) == (None, None, None)
    assert described["not_measured"]["cpu"] == "Permission denied: /proc/cpuinfo"
    assert described["cores"] >= 1
    with pytest.raises(NotMeasuredError, match=r"^Permission denied: /proc/self/status$"):
        peak_memory_mb()


def test_the_peak_of_memory_stays_when_memory_is_given_back() -> None:
    before = peak_memory_mb()
    held = bytearray(80_000_000)
    held[::4096] = b"x" * len(held[::4096])
    del held
    assert peak_memory_mb() >= max(before, 80)


def test_what_cannot_be_measured_ends_a_command_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def main() -> None:
        raise NotMeasuredError("pnnx not installed")

    monkeypatch.setattr(sys, "argv", ["it"])
    with pytest.raises(SystemExit) as ended:
        console.run(main, "it", interrupted="")
    assert (ended.value.code, capsys.readouterr().err) == (1, "Error: pnnx not installed\n")
