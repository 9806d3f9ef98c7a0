"""The built wheel, installed alone in a fresh environment: what a device gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge_infer.model_file.registry import bundled_models

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MAX_WHEEL_BYTES = 10_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # No build isolation: hatchling is installed, and the test needs no network for it.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of an environment that holds nothing but the wheel and its dependencies."""
    environment = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(pip, check=True)
    return environment / "bin"


def test_the_wheel_holds_only_the_inference_package(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {
        "edge_infer",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    assert {"edge_infer/py.typed", "edge_infer/models/manifest.json"} <= set(names)
    assert {f"edge_infer/webcam/page/{name}" for name in ("index.html", "page.css", "page.js")} <= set(names)
    assert {f"edge_infer/report/report.{kind}" for kind in ("html", "css", "js")} <= set(names)
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES


def test_the_wheel_asks_for_four_packages(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(n for n in archive.namelist() if n.endswith("METADATA"))).decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]

    assert {line.split()[1].split(">")[0] for line in required} == {"onnxruntime", "numpy", "pillow", "click"}


@pytest.mark.parametrize("name", ["tensorflow", "keras", "cv2", "onnx", "train", "export"])
def test_training_packages_are_not_importable_on_a_device(device: Path, tmp_path: Path, name: str):
    done = subprocess.run([device / "python", "-c", f"import {name}"], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 1
    assert f"No module named '{name}'" in done.stderr


def test_a_device_classifies_the_example(device: Path, tmp_path: Path):
    command = [
        device / "edge-infer",
        "classify",
        "--model",
        ROOT / "examples/colours.onnx",
        ROOT / "examples/stone.png",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.startswith(f"{ROOT / 'examples/stone.png'}: green ")
    assert done.stderr == ""


def test_a_device_passes_the_test_that_ci_runs_on_every_system(device: Path, tmp_path: Path):
    command = [device / "python", ROOT / "tests/package/smoke.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={}, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "in Python: Emerald\n" in done.stdout


def test_a_device_has_every_bundled_model_and_computes_it_rightly(device: Path, tmp_path: Path):
    command = [device / "edge-infer", "models", "verify"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert [line.split(": ok (sha256, ")[0] for line in done.stdout.splitlines()] == list(bundled_models())
    assert "faces" in bundled_models()
    assert done.stderr == ""
