import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.pictures.drawing import fonts
from edge_infer.pictures.drawing.annotate import annotate
from edge_infer.pictures.drawing.fonts import BUNDLED, missing, runs
from edge_infer.results import Prediction, rank


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    for function in (fonts.installed_font, fonts._warn):
        function.cache_clear()


def drawn_label(label: str) -> np.ndarray:
    """Return the answer's picture, cut to the height of its label."""
    answer = Prediction("x.jpg", "gems", "my", rank((label, "other"), (0.98, 0.02)), 0.5)
    return np.asarray(annotate(Image.new("RGB", (640, 480), (90, 90, 90)), answer))[:40]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        *((text, None) for text in ("Quartz Rose 98%", "Opal? 12%", "29.8 fps")),
        *((text, BUNDLED) for text in ("Améthyste", "Õõ Žž Łł ğ ữ", "Αμέθυστος", "Аметист 98%", "Њ Ї Ұ")),
    ],
)
def test_letters_of_europe_need_no_font_of_the_machine(
    text: str, file: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    ((font, shown),) = runs(text, 20)
    assert shown == text
    assert missing(text, file) == set()
    assert (font.getname()[0] == "DejaVu Sans") is (file is not None)


def test_a_font_of_the_machine_is_found_by_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    han = tmp_path / "deep" / "Han.ttf"
    shutil.copy(BUNDLED, han)  # it stands for a font of Chinese letters, which are too large to be shipped
    lacks = fonts._lacks.__wrapped__
    monkeypatch.setattr(fonts, "_FOLDERS", (str(tmp_path),))
    # Such fonts often have no other letters.
    monkeypatch.setattr(
        fonts, "_lacks", lambda file, letter: letter not in "紫水晶" if file == han else lacks(file, letter)
    )
    (latin, before), (chinese, shown), (_, after) = runs("é 紫水晶 98%", 20)
    assert (before, shown, after) == ("é ", "紫水晶", " 98%")
    assert (Path(latin.path), Path(chinese.path)) == (BUNDLED, han)


def test_letters_that_no_font_has_are_escaped_with_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    with caplog.at_level(logging.WARNING):
        assert [shown for _, shown in runs("紫é 98%", 20)] == ["\\u7d2bé 98%"]
        assert np.array_equal(drawn_label("紫é"), drawn_label("\\u7d2bé"))
    assert [record.getMessage() for record in caplog.records] == [
        "no font on this machine has 紫: labels show escapes instead; install one, such as Noto Sans"
    ]


def test_no_letter_is_drawn_as_an_empty_box() -> None:
    accented, plain = drawn_label("Améthyste"), drawn_label("Amethyste")
    box = drawn_label("Am\U0010fffdthyste")
    assert not np.array_equal(accented, plain)
    assert not np.array_equal(accented, box)
