"""What the machine and the software are: what a reader needs to weigh the figures.

What cannot be read is null, and named with its reason under `not_measured`.
"""

import os
import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_infer.errors import EdgeInferError
from edge_infer.runtime.cpus import affinity_cpus, available_cpus, cpu_fields, cpu_quota, int8_flags

PACKAGES = ("onnxruntime", "numpy", "pillow", "click")
# What two results must share to be compared; software may differ, since it is what one compares.
IDENTITY = ("cpu", "flags", "cores", "cores_of_machine", "architecture")
_CPU0 = Path("/sys/devices/system/cpu/cpu0/cpufreq")
_THERMAL = Path("/sys/class/thermal")


class NotMeasuredError(EdgeInferError):
    """A figure that this machine does not give, and why: `train.console.run` says it in one line."""


def machine() -> dict[str, Any]:
    """Describe the machine: frequencies in MHz, temperature in degrees Celsius, cores and quota in cores."""
    fields: dict[str, Callable[[], Any]] = {
        "cpu": lambda: _cpu_field("model name", "Model", "Hardware"),
        "flags": lambda: int8_flags(cpu_fields()),
        "cores": available_cpus,
        "affinity": affinity_cpus,
        "quota": cpu_quota,
        "cores_of_machine": os.cpu_count,
        "governor": lambda: _text(_CPU0 / "scaling_governor"),
        "frequency_mhz": _frequency_mhz,
        "temperature_c": _temperature_c,
        "load_before": lambda: round(os.getloadavg()[0], 2),
        "os": lambda: platform.freedesktop_os_release()["PRETTY_NAME"],
        "system": lambda: f"{platform.system()} {platform.release()}",
        "architecture": platform.machine,
        "python": platform.python_version,
        **{name: partial(version, name) for name in PACKAGES},
    }
    described: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, read in fields.items():
        try:
            described[name] = read()
        except (OSError, ValueError, LookupError, ImportError, NotMeasuredError) as error:
            described[name], reasons[name] = None, reason(error)
    return {**described, "not_measured": reasons}


def reason(error: Exception) -> str:
    """Return in one line why something could not be measured, without the error number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return (str(error) or type(error).__name__).splitlines()[0]


def peak_memory_mb(process: int | str = "self") -> float:
    """Return the largest resident set a process has had since it was started, in MB.

    `getrusage` would not do: it still counts what the process that started it had.

    Raises:
        NotMeasuredError: The system does not tell.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
        peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except OSError as error:
        raise NotMeasuredError(reason(error)) from error
    except StopIteration as error:
        raise NotMeasuredError("the kernel does not tell the peak of memory") from error
    return round(peak_kib * 1024 / 1e6, 1)


def _cpu_field(*names: str) -> str:
    fields = cpu_fields()
    for name in names:
        if fields.get(name):
            return fields[name]
    raise NotMeasuredError(f"/proc/cpuinfo has no {' or '.join(names)}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _frequency_mhz() -> float:
    try:
        return int(_text(_CPU0 / "scaling_cur_freq")) / 1000
    except OSError:
        return float(_cpu_field("cpu MHz"))


def _temperature_c() -> float:
    """Return that of the hottest zone."""
    zones = [int(_text(zone)) / 1000 for zone in _THERMAL.glob("thermal_zone*/temp")]
    if not zones:
        raise NotMeasuredError(f"no thermal zone in {_THERMAL}")
    return max(zones)
