"""The page in a real browser (`tests.support.browser`): the picture moves, labels change, buttons work."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

import edge_infer
from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from tests.edge_infer.webcam.conftest import read_clip, wait_until, write_clip
from tests.support.pooled_model import write_pooled_model
from tests.support.tiny_model import COLOURS, write_tiny_model

pytestmark = pytest.mark.slow

RED, BLUE = (205, 30, 40), (40, 60, 200)


class Feed:
    """The command in a process of its own, and its page in the browser."""

    def __init__(self, browser: webdriver.Chrome, model: Path, folder: Path, clip: Path) -> None:
        self.kept, self._browser = folder / "kept", browser
        options = ["--source", clip, "--loop", "--model", model, "--http", "0", "--snapshot-dir", self.kept]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_infer", "webcam", "--no-display", *options],
            cwd=Path(edge_infer.__file__).parents[1],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stderr.readline().removeprefix("Watch at ").strip()
        browser.get(self.url)
        wait_until(lambda: self.text("state") == "live", 20)

    def element(self, name: str) -> WebElement:
        return self._browser.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return self.element(name).text

    def picture_colour(self) -> np.ndarray:
        """Return the mean colour of what the browser shows in the middle of the picture."""
        image = Image.open(BytesIO(self.element("picture").screenshot_as_png)).convert("RGB")
        middle = image.crop((image.width // 3, image.height // 3, image.width * 2 // 3, image.height * 2 // 3))
        return np.asarray(middle).mean(axis=(0, 1))

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def feed(browser: webdriver.Chrome, tiny_model_path: Path, tmp_path: Path) -> Iterator[Feed]:
    clip = write_clip(tmp_path / "clip.avi", [RED] * 45 + [BLUE] * 45, size=(320, 240))
    feed = Feed(browser, tiny_model_path, tmp_path, clip)
    (tmp_path / "kept").mkdir()
    yield feed
    feed.close()


def is_like(colour: np.ndarray, wanted: tuple[int, int, int]) -> bool:
    return bool((abs(colour - wanted) < 25).all())


def test_the_picture_moves_and_the_label_follows(
    feed: Feed, browser: webdriver.Chrome, look: Callable[[str], None]
) -> None:
    for wanted, label in ((RED, "red"), (BLUE, "blue"), (RED, "red")):
        wait_until(lambda wanted=wanted: is_like(feed.picture_colour(), wanted))
        wait_until(lambda label=label: feed.text("label") == label)
    look("live")
    assert feed.text("model") == "colours"  # the name of the task, and of the model if that has another
    assert feed.text("scores").splitlines()[0] in ("red", "blue")
    assert 10 < float(feed.text("fps")) < 40
    assert feed.text("viewers") == "1"
    assert feed.text("source").endswith("clip.avi")
    wait_until(lambda: len(feed.element("line").get_attribute("points").split()) == 120)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_the_record_button_starts_and_stops_a_recording_that_can_be_played(
    feed: Feed, look: Callable[[str], None]
) -> None:
    button = feed.element("record")
    assert (button.text, button.get_attribute("aria-pressed")) == ("Record", "false")
    button.click()
    wait_until(lambda: button.text == "Stop")
    assert feed.text("message").startswith("Recording webcam-")
    wait_until(lambda: feed.text("label") == "blue")
    wait_until(lambda: feed.text("label") == "red")
    look("recording")
    button.click()
    wait_until(lambda: button.text == "Record")
    (path,) = feed.kept.iterdir()
    frames = read_clip(path)
    assert len(frames) > 30
    assert any(is_like(frame[100:140].mean(axis=(0, 1)), RED) for frame in frames)
    assert any(is_like(frame[100:140].mean(axis=(0, 1)), BLUE) for frame in frames)


def test_the_snapshot_button_keeps_a_picture(feed: Feed) -> None:
    feed.element("snapshot").click()
    wait_until(lambda: feed.text("message").startswith("Saved webcam-"))
    (path,) = feed.kept.iterdir()
    assert feed.text("message") == f"Saved {path.name}"
    with Image.open(path) as image:
        assert image.size == (320, 240)


def test_the_turn_button_turns_the_picture_by_a_quarter(
    feed: Feed, browser: webdriver.Chrome, look: Callable[[str], None]
) -> None:
    def size() -> list[int]:
        return browser.execute_script("return [picture.naturalWidth, picture.naturalHeight]")

    wait_until(lambda: size() == [320, 240])
    feed.element("turn").click()
    wait_until(lambda: size() == [240, 320])
    wait_until(lambda: feed.text("label") == "red")
    look("turned")
    for wanted in ([320, 240], [240, 320], [320, 240]):
        feed.element("turn").click()
        wait_until(lambda wanted=wanted: size() == wanted)


def test_what_cannot_be_kept_is_said_on_the_page(feed: Feed) -> None:
    feed.kept.rmdir()
    feed.kept.touch()
    feed.element("snapshot").click()
    wait_until(lambda: "cannot be written" in feed.text("message"))
    assert feed.element("message").get_attribute("class") == "trouble"


def test_it_fits_a_phone(feed: Feed, browser: webdriver.Chrome, look: Callable[[str], None]) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wait_until(lambda: feed.text("label") == "red")
        look("phone")
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390
        for name in ("picture", "record", "snapshot", "turn", "label", "chart"):
            box = feed.element(name).rect
            assert 0 <= box["x"] < box["x"] + box["width"] <= 390
        assert feed.element("record").rect["height"] >= 40
        assert feed.element("snapshot").rect["y"] < 844  # the buttons need no scrolling
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_faces_are_answered_and_their_absence_is_said(
    browser: webdriver.Chrome, tmp_path: Path, look: Callable[[str], None]
) -> None:
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    skin = write_tiny_model(tmp_path / "skin.onnx", name="skin", task="skin", input=spec, min_score=0.3)
    frames = tmp_path / "frames"
    frames.mkdir()
    for i in range(60):
        faces = [(60 + i, 60, 110)] if i < 30 else []
        picture_with_faces((320, 240), faces).save(frames / f"{i:02}.jpg")
    feed = Feed(browser, skin, tmp_path, frames)
    try:
        wait_until(lambda: feed.text("label") == "pink")
        look("face")
        assert len(feed.text("scores").splitlines()) == 10
        wait_until(lambda: feed.text("label") == "no face found")
        assert feed.text("scores") == ""
    finally:
        feed.close()


def test_a_frame_of_no_class_is_said_to_be_none_of_these(browser: webdriver.Chrome, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "knowing.onnx", min_known=0.6)
    feed = Feed(browser, model, tmp_path, write_clip(tmp_path / "clip.avi", [RED] * 45 + [COLOURS["grey"]] * 45))
    try:
        wait_until(lambda: feed.text("label") == "none of these")
        wait_until(lambda: feed.text("label") == "red")
    finally:
        feed.close()


def test_the_page_says_when_the_feed_has_ended(feed: Feed) -> None:
    feed.close()
    wait_until(lambda: feed.text("state") == "not connected")
    assert not feed.element("record").is_enabled()


@pytest.fixture
def explained_feed(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Feed]:
    model = write_pooled_model(tmp_path / "small.onnx")
    feed = Feed(browser, model, tmp_path, write_clip(tmp_path / "clip.avi", [BLUE] * 45, size=(320, 240), noise=60))
    yield feed
    feed.close()


def test_the_key_e_shows_where_the_model_looked(
    explained_feed: Feed, browser: webdriver.Chrome, look: Callable[[str], None]
) -> None:
    feed = explained_feed
    button = feed.element("map")
    wait_until(lambda: feed.text("label"))
    before = feed.picture_colour()
    assert button.get_attribute("aria-pressed") == "false"
    browser.find_element(By.TAG_NAME, "body").send_keys("e")
    wait_until(lambda: button.get_attribute("aria-pressed") == "true")
    wait_until(lambda: abs(feed.picture_colour() - before).max() > 8)
    look("why")
    button.click()
    wait_until(lambda: button.get_attribute("aria-pressed") == "false")
    wait_until(lambda: abs(feed.picture_colour() - before).max() < 8)
