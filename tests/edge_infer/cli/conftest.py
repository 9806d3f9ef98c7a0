"""The command line, run in this process or one of its own, in a folder with a picture of every colour."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from edge_infer.cli.main import main
from tests.edge_infer.conftest import expected_scores
from tests.support.tiny_model import COLOURS

RUST = (160, 60, 60)  # between brown and red
RED_TEXT = f"red {expected_scores(COLOURS['red'])['red']:.1%}"
COMMAND = [sys.executable, "-m", "edge_infer"]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture of every colour."""
    monkeypatch.chdir(tmp_path)
    for name in ("red", "blue", "green"):
        Image.new("RGB", (40, 30), COLOURS[name]).save(f"{name}.png")
    Image.new("RGB", (40, 30), RUST).save("rust.png")
    Path("note.jpg").write_text("no picture")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        return Answer(stopped.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def classify(run: Run, tiny_model_path: Path) -> Run:
    return lambda *arguments: run("classify", "--model", str(tiny_model_path), *arguments)


def in_a_process(*arguments: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, check=False, **options)
