"""Which modules import where there is no training stack, as benchmarks/latency.py must."""

import subprocess
import sys
from pathlib import Path

import train

ROOT = Path(__file__).parents[2]
TENSORFLOW = ("tensorflow", "keras", "tf2onnx")
TRAINING_STACK = (*TENSORFLOW, "cv2", "imagehash", "matplotlib", "onnx", "scipy", "sklearn")
WITH_THE_WHEEL_ALONE = (
    *("console", "errors", "files", "progress", "quiet", "recipes"),
    *("data.photos", "data.splits", "runs.checkpoints"),
)
WITHOUT_TENSORFLOW = (
    "metrics",
    *("data.audit", "data.dataset", "data.duplicates", "data.run_data"),
    *("fitting.crossval", "results.report", "runs.folder", "runs.slim_folder"),
    *("slim.patches", "slim.sensitivity", "views.augmentation", "views.face_views"),
)


def imported_without(missing: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process in which some packages cannot be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_needs_the_wheel_alone():
    imports = "\n".join(f"import train.{name}" for name in WITH_THE_WHEEL_ALONE)
    latency = "import runpy; print(*runpy.run_path('benchmarks/latency.py', run_name='latency')['TASKS'])"
    done = imported_without(TRAINING_STACK, f"{imports}\n{latency}")
    assert (done.stdout, done.stderr, done.returncode) == ("gems gender\n", "", 0)


def test_what_needs_no_tensorflow():
    done = imported_without(TENSORFLOW, "\n".join(f"import train.{name}" for name in WITHOUT_TENSORFLOW))
    assert (done.stderr, done.returncode) == ("", 0)


def test_other_modules_do_need_it():
    """The checks above must be able to fail."""
    done = imported_without(TENSORFLOW, "import train.pipeline")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: import of keras halted")
    assert imported_without(TRAINING_STACK, "import train.metrics").returncode == 1


def test_the_package_names_them():
    for name in (*WITH_THE_WHEEL_ALONE, *WITHOUT_TENSORFLOW):
        assert f"`{name}`" in train.__doc__, name
