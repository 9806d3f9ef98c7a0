import subprocess
import sys

import pytest

import edge_infer
from edge_infer.classifier import Classifier

HEAVY = "{'numpy', 'onnxruntime', 'cv2', 'PIL', 'onnx', 'tensorflow', 'ray', 'pyarrow'} & set(sys.modules)"


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


def test_import_brings_in_neither_numpy_nor_onnxruntime() -> None:
    assert python(f"import sys, edge_infer; print({HEAVY})") == "set()"


def test_the_classifier_brings_in_what_it_needs_and_no_more() -> None:
    found = python(f"import sys; from edge_infer import Classifier; print(sorted({HEAVY}))")
    assert found == "['PIL', 'numpy', 'onnxruntime']"


def test_every_public_name_is_there() -> None:
    assert edge_infer.Classifier is Classifier
    assert all(getattr(edge_infer, name) is not None for name in edge_infer.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'edge_infer' has no attribute 'Clasifier'"):
        _ = edge_infer.Clasifier
    with pytest.raises(ImportError):
        from edge_infer import Clasifier  # noqa: F401


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["classify", "--help"], ["bulk", "--help"], ["models", "show", "--help"]]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from edge_infer.cli.main import main
try:
    main({arguments})
except SystemExit as stop:
    print(stop.code, {HEAVY})
"""
    assert python(code).splitlines()[-1] == "0 set()"
