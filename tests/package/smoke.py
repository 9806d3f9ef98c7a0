"""Is the installed wheel all that a device needs, on any system? Run `python tests/package/smoke.py` there.

Python puts this file's folder on its path, not the repository's root: what is imported is the wheel.
"""

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

import edge_infer

ROOT = Path(__file__).parents[2]
PHOTO = "examples/stone.png"
TRAINING_STACK = ("cv2", "keras", "onnx", "sklearn", "tensorflow", "train", "export")


def run(*arguments: str) -> str:
    """Return what `edge-infer` prints; it must succeed in silence on the error stream."""
    command = [Path(sysconfig.get_path("scripts"), "edge-infer"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f"edge-infer {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(what: str, found: object, expected: object) -> None:
    """End with both values unless they are equal."""
    if found != expected:
        sys.exit(f"{what}: {found!r}, expected {expected!r}")
    print(f"{what}: {found}")


def main() -> None:
    """Check the wheel from outside, then in Python."""
    check("imported from the source", Path(edge_infer.__file__).is_relative_to(ROOT / "edge_infer"), False)
    check("also installed", [name for name in TRAINING_STACK if importlib.util.find_spec(name)], [])
    check("version", run("--version").split()[-1], edge_infer.__version__)
    verified = [line.split(" (")[0] for line in run("models", "verify").splitlines()]
    check("models", verified, ["faces: ok", "gems: ok", "gender: ok"])
    check("in Python", edge_infer.Classifier("gems").classify(ROOT / PHOTO).label, "Emerald")
    answer = run("classify", "--model", "examples/colours.onnx", PHOTO)
    check("on the command line", answer.split()[:2], [f"{PHOTO}:", "green"])


if __name__ == "__main__":
    main()
