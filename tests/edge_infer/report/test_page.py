"""The page of `edge-infer report` in a real browser, from file://: filters, matrix, maps, 2,000 photos."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from edge_infer.explaining.explanation import ClassMap, Explanation
from edge_infer.faces.crops import Region
from edge_infer.report.entries import Place, entry
from edge_infer.report.page import Report, write_page
from edge_infer.results import LabelScore, Prediction
from tests.edge_infer.webcam.conftest import wait_until

LABELS = ("Amethyst", "Opal", "Ruby <b>")
# class folder, answer, score, known
ANSWERS = [
    ("Amethyst", "Amethyst", 0.99, 0.9),
    ("Amethyst", "Opal", 0.55, 0.8),
    ("Opal", "Opal", 0.97, 0.95),
    ("Opal", "Opal", 0.60, 0.99),
    ("Opal", "Amethyst", 0.98, 0.1),
    ("Ruby <b>", "Amethyst", 0.92, 0.9),
    (None, "Opal", 0.7, 0.2),
]


def made_entry(number: int, truth: str | None, label: str, score: float, known: float) -> dict[str, object]:
    other = next(name for name in LABELS if name != label)
    scores = (LabelScore(label, score), LabelScore(other, 1 - score))
    cells = np.zeros((6, 8), np.float32)
    cells[1, 1], cells[4, 6] = 2, -1
    found = ClassMap(label, other, 1.0, 0.0, cells, Region((40, 30), (80, 60)), (80, 60))
    prediction = Prediction("x", "gems", "gems", scores, 0.9, known=known, min_known=0.5)
    place = Place(f"{truth or 'loose'}/photo {number}.jpg", f"photo%20{number}.jpg", truth)
    colour = (40 * number % 256, 90, 255 - 30 * number % 256)
    return entry(place, Explanation(prediction, (found,), None, "exact"), Image.new("RGB", (80, 60), colour))


def open_page(browser: Chrome, path: Path, entries: list[dict[str, object]], failures: list[tuple[str, str]]) -> None:
    write_page(path, Report("gems of </script>", "gems 2.0.0", LABELS, entries, failures))
    browser.get(path.as_uri())


def names(browser: Chrome) -> list[str]:
    return browser.execute_script("return shown.map((entry) => entry.name.match(/[0-9]+/)[0])")


@pytest.fixture
def page(browser: Chrome, tmp_path: Path) -> Chrome:
    entries = [made_entry(number, *answer) for number, answer in enumerate(ANSWERS)]
    open_page(browser, tmp_path / "report.html", entries, [("broken.jpg", "broken.jpg is cut short")])
    return browser


def test_the_least_certain_answers_come_first_and_nothing_is_loaded(page: Chrome, look: Callable[[str], None]) -> None:
    look("report")
    assert names(page) == ["4", "6", "1", "3", "5", "0", "2"]  # score times known
    assert page.find_element(By.ID, "title").text == "gems of </script>"
    assert page.title == "gems of </script> – edge-infer report"
    assert page.find_element(By.ID, "count").text == "7 of 7 photos"
    assert page.find_element(By.ID, "summary").text == (
        "7 photos, 3 answered with certainty; 3 of 6 right (50.0 %); of the certain ones 66.7 %; 2 none of these"
    )
    first = page.find_elements(By.CLASS_NAME, "card")[0]
    assert first.text.splitlines() == ["none of these", "is Opal · known 10.0 %", "Opal/photo 4.jpg"]
    link = first.find_element(By.TAG_NAME, "a")
    assert link.get_attribute("href").endswith("/photo%204.jpg")
    assert link.get_attribute("href").startswith("file://")
    failures = page.find_element(By.ID, "failures")
    assert failures.text == "1 could not be answered"
    failures.click()
    assert "broken.jpg is cut short" in failures.text
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"label": "Opal"}, ["1", "3", "2"]),
        ({"label": "none of these"}, ["4", "6"]),
        ({"truth": "Opal"}, ["4", "3", "2"]),
        ({"truth": "no class folder"}, ["6"]),
        ({"certain": "certain"}, ["5", "0", "2"]),
        ({"known": "none of these"}, ["4", "6"]),
        ({"result": "wrong"}, ["4", "1", "5"]),
        ({"result": "right", "certain": "uncertain"}, ["3"]),
        ({"order": "most certain first", "truth": "Amethyst"}, ["0", "1"]),
        ({"order": "by name"}, ["0", "1", "5", "6", "2", "3", "4"]),
    ],
)
def test_filters(page: Chrome, filters: dict[str, str], expected: list[str]) -> None:
    for name, text in filters.items():
        Select(page.find_element(By.ID, name)).select_by_visible_text(text)
    found = names(page)
    assert sorted(found) == sorted(expected)
    if "order" not in filters or filters["order"] != "by name":
        assert found == expected
    else:
        assert found == ["0", "1", "6", "2", "3", "4", "5"]
    assert len(page.find_elements(By.CLASS_NAME, "card")) == len(expected)
    page.find_element(By.ID, "reset").click()
    wait_until(lambda: len(names(page)) == 7)


def test_cells_of_the_confusion_matrix_filter(page: Chrome) -> None:
    rows = [
        [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
        for row in page.find_elements(By.CSS_SELECTOR, "#matrix tr")
    ]
    assert rows == [
        ["class folder \\ answer", "Amethyst", "Opal", "Ruby <b>", "none of these"],
        ["Amethyst", "1", "1", "·", "·"],
        ["Opal", "·", "2", "·", "1"],
        ["Ruby <b>", "1", "·", "·", "·"],
    ]
    cell = page.find_element(By.CSS_SELECTOR, '[aria-label="1 of Ruby <b> answered Amethyst"]')
    cell.click()
    assert names(page) == ["5"]
    assert cell.get_attribute("aria-pressed") == "true"
    assert page.find_element(By.ID, "count").text == "1 of 7 photos"
    cell.click()
    assert len(names(page)) == 7


def test_the_map_lies_on_the_photo_that_is_pointed_at(page: Chrome, look: Callable[[str], None]) -> None:
    card = page.find_elements(By.CLASS_NAME, "card")[0]
    photo = card.find_element(By.TAG_NAME, "img")
    assert card.find_elements(By.TAG_NAME, "canvas") == []
    ActionChains(page).move_to_element(card).perform()
    wait_until(lambda: card.find_elements(By.TAG_NAME, "canvas"))
    canvas = card.find_element(By.TAG_NAME, "canvas")
    assert canvas.value_of_css_property("opacity") == "1"
    look("report-map")
    assert canvas.rect == photo.rect
    assert canvas.size == {"width": 80, "height": 60}
    pixels = page.execute_script(
        "const c = arguments[0]; return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)",
        canvas,
    )
    pixels = np.array(pixels).reshape(18, 24, 4)
    blue, orange, nothing = pixels[4, 4], pixels[13, 19], pixels[4, 19]
    assert blue[2] > blue[0] + 80
    assert blue[3] > 150
    assert orange[0] > orange[2] + 80
    assert nothing[3] < 10


def test_all_maps_can_be_shown(page: Chrome) -> None:
    page.find_element(By.ID, "maps").click()
    canvases = page.find_elements(By.TAG_NAME, "canvas")
    assert len(canvases) == 7
    assert {canvas.value_of_css_property("opacity") for canvas in canvases} == {"1"}


def test_without_class_folders_maps_or_known_there_is_nothing_of_them(browser: Chrome, tmp_path: Path) -> None:
    prediction = Prediction("x", "gems", "gems", (LabelScore("Opal", 1.0),), 0.5)
    plain = entry(Place("a.jpg", "a.jpg", None), prediction, Image.new("RGB", (10, 10)))
    open_page(browser, tmp_path / "report.html", [plain], [])
    for name in ("matrix", "legend", "failures", "truth", "known", "result", "maps"):
        assert not browser.find_element(By.ID, name).is_displayed(), name
    assert browser.find_element(By.ID, "label").is_displayed()
    assert browser.find_element(By.ID, "summary").text == "1 photos, 1 answered with certainty"


def test_two_thousand_photos_open_at_once_and_scroll_without_stutter(
    browser: Chrome, tmp_path: Path, look: Callable[[str], None]
) -> None:
    rng = np.random.default_rng(0)
    entries = []
    for number in range(2000):
        made = made_entry(number, *ANSWERS[number % 7])
        if number < 50:  # of the size of real ones: grain compresses badly
            grain = Image.fromarray(rng.integers(0, 256, (132, 132, 3), dtype=np.uint8))
            made = entry(
                Place(f"{number}.jpg", "x", "Opal"),
                Prediction("x", "g", "g", (LabelScore("Opal", 0.9), LabelScore("Amethyst", 0.1)), 0.5),
                grain,
            )
            thumbnail = made["thumbnail"]
        made["thumbnail"] = thumbnail
        entries.append(made)
    path = tmp_path / "report.html"
    began = time.monotonic()
    open_page(browser, path, entries, [])
    assert path.stat().st_size > 15_000_000
    assert browser.find_element(By.ID, "count").text == "2000 of 2000 photos"
    assert time.monotonic() - began < 20
    assert len(browser.find_elements(By.CLASS_NAME, "card")) < 150
    # Draws 20 places all over the page and returns how long each took, milliseconds.
    took = browser.execute_script(
        """
        const took = [];
        for (let i = 0; i < 20; i += 1) {
          window.scrollTo(0, document.body.scrollHeight * ((i * 7) % 20) / 20);
          const began = performance.now();
          draw();
          took.push(performance.now() - began);
        }
        return took;
        """
    )
    assert len(browser.find_elements(By.CLASS_NAME, "card")) < 150
    assert np.percentile(took, 25) < 100  # milliseconds for a screen of new cards: the machine may be busy
    browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    wait_until(lambda: browser.execute_script("return cards.get(1999)?.checkVisibility()"))
    look("report-2000")
