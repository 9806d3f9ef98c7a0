"""The window, on a stand-in for OpenCV's, and a real one on a virtual display (`apt-get install xvfb xdotool`)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import edge_infer
from edge_infer.webcam import window
from edge_infer.webcam.view import Command, FeedStatus, View
from edge_infer.webcam.window import Window, has_display
from tests.edge_infer.webcam.conftest import needs_programs, prediction, wait_until


class FakeGui(SimpleNamespace):
    WINDOW_NORMAL = WINDOW_KEEPRATIO = WINDOW_GUI_NORMAL = 0
    WND_PROP_VISIBLE = COLOR_RGB2BGR = 4

    def __init__(self) -> None:
        super().__init__(shown=[], key=-1, visible=1.0, size=None, closed=False)

    def namedWindow(self, title: str, flags: int) -> None:  # noqa: N802
        pass

    def resizeWindow(self, title: str, width: int, height: int) -> None:  # noqa: N802
        self.size = (width, height)

    def getWindowProperty(self, title: str, name: int) -> float:  # noqa: N802
        return self.visible

    def cvtColor(self, pixels: np.ndarray, code: int) -> np.ndarray:  # noqa: N802
        return pixels[:, :, ::-1]

    def imshow(self, title: str, pixels: np.ndarray) -> None:
        self.shown.append(pixels[0, 0].tolist())

    def waitKey(self, delay_ms: int) -> int:  # noqa: N802
        return self.key

    def destroyAllWindows(self) -> None:  # noqa: N802
        self.closed = True


VIEW = View(Image.new("RGB", (320, 240), (200, 100, 50)), 0.0, prediction(), FeedStatus(source="cam"))


@pytest.fixture
def gui(monkeypatch: pytest.MonkeyPatch) -> FakeGui:
    gui = FakeGui()
    monkeypatch.setattr(window, "load_cv2", lambda: gui)
    return gui


@pytest.mark.parametrize(
    ("key", "commands"),
    [
        (ord("q"), ["quit"]),
        (27, ["quit"]),
        (ord("s"), ["snapshot"]),
        (ord("r"), ["toggle-recording"]),
        (ord("R"), ["toggle-recording"]),
        (ord(" "), ["toggle-pause"]),
        (ord("t"), ["turn"]),
        (ord("e"), ["toggle-map"]),
        (0x100000 | ord("q"), ["quit"]),  # GTK sets a bit for Num Lock
        (ord("x"), []),
        (-1, []),
    ],
)
def test_keys(gui: FakeGui, key: int, commands: list[Command]) -> None:
    sent: list[Command] = []
    gui.key = key
    Window(sent.append).show(VIEW)
    assert sent == commands
    assert gui.shown == [[50, 100, 200]]
    assert gui.size == (320, 240)


def test_closing_the_window_quits(gui: FakeGui) -> None:
    sent: list[Command] = []
    opened = Window(sent.append)
    opened.show(VIEW)
    gui.visible = 0.0
    opened.show(VIEW)
    assert (sent, len(gui.shown)) == (["quit"], 1)
    opened.close()
    assert gui.closed


def test_without_a_display_there_is_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it must not be tried"))
    assert not has_display()


def test_a_display_that_ends_the_process_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")  # nobody is there: Qt aborts
    assert not has_display()


@pytest.mark.parametrize(
    ("code", "answer"), [("pass", True), ("raise SystemExit(1)", False), ("import os; os.abort()", False)]
)
def test_the_probe_decides(monkeypatch: pytest.MonkeyPatch, code: str, answer: bool) -> None:
    run = subprocess.run
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(subprocess, "run", lambda command, **more: run([sys.executable, "-c", code], **more))
    assert has_display() is answer


@pytest.mark.parametrize(
    ("build", "answer"),
    [("  GUI:                           NONE\n", False), ("  GUI:                           QT5\n", True)],
)
def test_a_frozen_program_does_not_start_itself_again(
    gui: FakeGui, monkeypatch: pytest.MonkeyPatch, build: str, answer: bool
) -> None:
    gui.getBuildInformation = lambda: build
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(window.sys, "frozen", True, raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it would start itself"))
    assert has_display() is answer


@pytest.fixture
def display() -> Iterator[str]:
    """An X server without a screen, which does not start anew (and refuse clients) when one leaves."""
    needs_programs("Xvfb", "xdotool")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-noreset", "-displayfd", str(write)], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        yield f":{numbers.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_a_real_window_is_shown_and_takes_keys(
    display: str, clip: Path, tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    options = ["--source", clip, "--loop", "--model", tiny_model_path, "--snapshot-dir", tmp_path / "kept"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_infer", "webcam", *options],
        cwd=Path(edge_infer.__file__).parents[1],
        stderr=subprocess.PIPE,
        text=True,
    )

    def press_until(key: str, is_so: Callable[[], object]) -> None:
        """Press a key again and again: a window that is about to be shown takes none."""
        command = ["xdotool", "search", "--name", window.TITLE, "windowfocus", "key", key]
        wait_until(lambda: subprocess.run(command, capture_output=True, check=False) and is_so(), 30)

    try:
        press_until("s", lambda: (tmp_path / "kept").exists() or process.poll() is not None)
        press_until("q", lambda: process.poll() is not None)
        _, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert [line.split(":")[0] for line in err.splitlines()[:-1]] == ["Snapshot"] * (len(err.splitlines()) - 1)
    with Image.open(next((tmp_path / "kept").iterdir())) as image:
        assert image.size == (64, 48)
