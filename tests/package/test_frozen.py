"""A program frozen with PyInstaller and no extra options, as a kiosk runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_ON_A_DEVICE = ("tensorflow", "keras", "torch", "matplotlib", "scipy", "sklearn", "onnx", "pandas", "cv2", "tf2onnx")
PROGRAM = """
import sys
from edge_infer import Classifier
from edge_infer.pictures.drawing.fonts import BUNDLED
print(Classifier("gems").classify(sys.argv[1]).label, BUNDLED.is_file())
"""


@pytest.mark.slow
def test_a_frozen_program_holds_the_models(tmp_path: Path):
    pytest.importorskip("PyInstaller")
    (tmp_path / "app.py").write_text(PROGRAM)
    # The entry point that names the hook counts in an installed package; here it is named as it would be.
    hooks = ROOT / "edge_infer" / "__pyinstaller"
    command = [sys.executable, "-m", "PyInstaller", "--onedir", "--log-level", "ERROR", "--paths", ROOT]
    for name in NOT_ON_A_DEVICE:  # a minute instead of five
        command += ["--exclude-module", name]
    subprocess.run([*command, "--additional-hooks-dir", hooks, "app.py"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [tmp_path / "dist" / "app" / "app", ROOT / "examples" / "stone.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("Emerald True\n", "")
