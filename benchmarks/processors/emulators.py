"""Processors that this machine does not have, as QEMU emulates them for one process.

QEMU decides what a program can execute and what `cpuid` and the kernel's capability bits say, but
passes this machine's /proc/cpuinfo on. So each processor comes with a folder that QEMU looks into
before it looks at the real `/`: it holds the right cpuinfo and, for another architecture, links to
a folder with that architecture's libraries and Python.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
# They choose OpenBLAS kernels for this machine's own processor.
_HOST_ONLY = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_X86 = "fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt"
_ARM = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics"


@dataclass(frozen=True, slots=True)
class EmulatedCpu:
    """A processor.

    Attributes:
        name: How reports call it.
        machine: Its architecture, as `platform.machine` says it.
        qemu_cpu: QEMU's `-cpu`.
        flags: What /proc/cpuinfo says it can.
        part: Its number among Arm's own designs, for /proc/cpuinfo.
    """

    name: str
    machine: Literal["x86_64", "aarch64"]
    qemu_cpu: str
    flags: str
    part: str = ""

    @property
    def qemu(self) -> str:
        """Name of the program that emulates it."""
        return f"qemu-{self.machine}"

    def cpuinfo(self) -> str:
        """Return its /proc/cpuinfo."""
        if self.machine == "x86_64":
            fields = {"processor": "0", "model name": self.name, "flags": self.flags}
        else:
            fields = {
                "processor": "0",
                "Features": self.flags,
                "CPU implementer": "0x41",
                "CPU architecture": "8",
                "CPU variant": "0x0",
                "CPU part": self.part,
                "CPU revision": "3",
            }
        return "".join(f"{key}\t: {value}\n" for key, value in fields.items()) + "\n"


CPUS = (
    EmulatedCpu("x86-64 with SSE4.2 (Nehalem)", "x86_64", "Nehalem", _X86),
    EmulatedCpu("x86-64 with AVX (Sandy Bridge)", "x86_64", "SandyBridge", f"{_X86} avx"),
    EmulatedCpu("x86-64 with AVX2 (Haswell)", "x86_64", "Haswell", f"{_X86} avx fma avx2"),
    EmulatedCpu("Arm Cortex-A72 (Raspberry Pi 4)", "aarch64", "cortex-a72", "fp asimd evtstrm crc32 cpuid", "0xd08"),
    EmulatedCpu("Arm Cortex-A76 (Raspberry Pi 5)", "aarch64", "cortex-a76", f"{_ARM} asimddp", "0xd0b"),
    # Pointer authentication and scalable vectors cost the emulator minutes; no int8 product uses the former.
    EmulatedCpu("Armv8 with i8mm", "aarch64", "max,sve=off,sme=off,pauth=off", f"{_ARM} asimddp i8mm", "0xd4f"),
)
# The program is told of VNNI that is not there, so weights of 8 bits take the sums that overflow
# (edge_infer.runtime.session).
UNGUARDED = EmulatedCpu("x86-64 with AVX2, unguarded", "x86_64", "Haswell", f"{_X86} avx fma avx2 avx_vnni")


def what_is_missing(cpu: EmulatedCpu, aarch64_root: Path | None) -> str | None:
    """Return in one line what this machine lacks to emulate a processor, or None."""
    if shutil.which(cpu.qemu) is None:
        return f"{cpu.qemu} is not installed (Debian: apt-get install qemu-user, 7.2 or newer for AVX2)"
    if cpu.machine == platform.machine():
        return None
    if cpu.machine != "aarch64":
        return f"{cpu.machine} programs are only emulated on {cpu.machine}"
    if aarch64_root is None:
        return (
            "no aarch64 Python: benchmarks/processors/aarch64_root.sh FOLDER makes one, --aarch64-root FOLDER uses it"
        )
    if not (aarch64_root / "usr/bin/python3").exists():
        return f"{aarch64_root} holds no usr/bin/python3: benchmarks/processors/aarch64_root.sh makes such a folder"
    return None


def make_prefix(cpu: EmulatedCpu, folder: Path, aarch64_root: Path | None) -> None:
    """Fill a new folder with what a program on this processor must see before the real `/`."""
    (folder / "proc").mkdir(parents=True)
    (folder / "proc/cpuinfo").write_text(cpu.cpuinfo(), encoding="utf-8")
    if cpu.machine == "aarch64" and aarch64_root is not None:
        for name in ("lib", "usr", "site"):
            (folder / name).symlink_to((aarch64_root / name).resolve())


def run_python(
    arguments: Sequence[str], cpu: EmulatedCpu | None = None, prefix: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with this source tree, natively or on an emulated processor, and wait for it.

    Args:
        arguments: After the interpreter.
        cpu: The processor; None for this machine's own.
        prefix: From `make_prefix`.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _HOST_ONLY}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, *arguments]
    if cpu is not None and prefix is not None:
        if cpu.machine == "aarch64":
            environment |= {"PYTHONHOME": str(prefix / "usr"), "PYTHONPATH": f"{prefix / 'site'}{os.pathsep}{ROOT}"}
            command[0] = str(prefix / "usr/bin/python3")
        command = [cpu.qemu, "-L", str(prefix), "-cpu", cpu.qemu_cpu, *command]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own
