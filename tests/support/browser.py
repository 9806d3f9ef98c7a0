"""A real browser for the tests of pages.

Needs Chromium and its driver (`apt-get install chromium chromium-driver`). EDGE_INFER_SCREENSHOTS names a folder that
screenshots are kept in, to be looked at.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,860"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """A headless Chromium that logs what goes wrong on its pages."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    from tests.edge_infer.webcam.conftest import needs_programs

    needs_programs("chromium", "chromedriver")
    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield browser
    browser.quit()


@pytest.fixture
def look(browser: "Chrome") -> Callable[[str], None]:
    """Keep a screenshot, where somebody wants to look at it."""
    folder = os.environ.get("EDGE_INFER_SCREENSHOTS")

    def look(name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            browser.save_screenshot(f"{folder}/{name}.png")

    return look
