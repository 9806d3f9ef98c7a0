"""The layers of docs/architecture.md are those of the code: pyproject.toml states them for import-linter."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
# A line that breaks each of the contracts.
STEPS_BACK = {
    "train/errors.py": "import export.errors",
    "edge_infer/errors.py": "import edge_infer.results",
    "edge_infer/results.py": "import onnx",
    "export/errors.py": "import tests.conftest",
    "edge_infer/faces/crops.py": "import cv2",
    "train/metrics.py": "import pyarrow",
}


def lint(root: Path) -> tuple[int, str]:
    done = subprocess.run(LINT, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_contract_is_kept():
    code, output = lint(ROOT)

    assert code == 0, output
    assert f"Contracts: {len(STEPS_BACK)} kept, 0 broken." in output


def test_every_contract_can_be_broken(tmp_path: Path):
    for package in ("edge_infer", "train", "export", "benchmarks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.onnx", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line in STEPS_BACK.items():
        with (tmp_path / path).open("a") as module:
            module.write(f"{line}\n")

    code, output = lint(tmp_path)

    assert code == 1
    assert f"Contracts: 0 kept, {len(STEPS_BACK)} broken." in output
