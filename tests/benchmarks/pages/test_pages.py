"""README and docs are what `python -m benchmarks.pages` would write."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from benchmarks.pages import __main__ as command
from benchmarks.pages.blocks import fill, names
from benchmarks.pages.catalogue import FIGURES, all_blocks, all_figures, all_pages
from benchmarks.pages.drawing import Drawing, source_of

BLOCKS, DRAWINGS = all_blocks(), all_figures()
PAGES = {str(page): page.read_text(encoding="utf-8") for page in all_pages()}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_holds_what_would_be_written(page: str) -> None:
    assert fill(PAGES[page], BLOCKS) == PAGES[page]


def test_every_block_stands_on_one_page_and_every_marker_is_known() -> None:
    counted = Counter(name for text in PAGES.values() for name in names(text))
    assert counted == Counter(BLOCKS.keys())
    assert sum(text.count("<!-- table:") + text.count("<!-- help:") for text in PAGES.values()) == len(BLOCKS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_was_drawn_from_the_kept_results(name: str) -> None:
    assert source_of(FIGURES / name) == DRAWINGS[name].source


def test_a_figure_says_what_it_was_drawn_from(tmp_path: Path) -> None:
    drawing = Drawing({"a": {"x": 1, "y": 2}}, lambda: Figure(figsize=(1, 1)), dpi=20)
    drawing.save(tmp_path / "figure.png")
    source = source_of(tmp_path / "figure.png")
    assert source == Drawing({"a": {"y": 2, "x": 1}}, Figure, dpi=20).source  # the order of keys says nothing
    assert source != Drawing({"a": {"x": 1, "y": 3}}, Figure, dpi=20).source
    assert source.startswith("a sha256:")


def test_blocks_of_both_kinds_are_filled_and_nothing_else() -> None:
    page = (
        "a\n<!-- table: x -->\nold\n<!-- end of table -->\n"
        "<!-- help: tool run -->\n```\nold\n```\nb\n```\ntool run\n```\n"
        "<!-- table: unknown -->\nkept\n<!-- end of table -->\n"
    )
    assert names(page) == ["table: x", "table: unknown", "help: tool run"]
    assert fill(page, {"table: x": "| new |\n", "help: tool run": "```\nnew\n```\n"}) == (
        "a\n<!-- table: x -->\n| new |\n<!-- end of table -->\n"
        "<!-- help: tool run -->\n```\nnew\n```\nb\n```\ntool run\n```\n"
        "<!-- table: unknown -->\nkept\n<!-- end of table -->\n"
    )


def test_a_table_without_an_end_does_not_swallow_what_follows() -> None:
    page = "<!-- table: x -->\ntext\n<!-- table: y -->\nold\n<!-- end of table -->\n"
    assert fill(page, {"table: x": "new\n", "table: y": "new\n"}) == (
        "<!-- table: x -->\ntext\n<!-- table: y -->\nnew\n<!-- end of table -->\n"
    )


def test_the_command_writes_pages_that_differ_and_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, stale = tmp_path / "fresh.md", tmp_path / "stale.md"
    fresh.write_text("<!-- table: x -->\nnew\n<!-- end of table -->\n")
    stale.write_text("<!-- table: x -->\nold\n<!-- end of table -->\n")
    drawing = Drawing({"a": 1}, lambda: Figure(figsize=(1, 1)), dpi=20)
    for name, value in {"ROOT": tmp_path, "FIGURES": tmp_path}.items():
        monkeypatch.setattr(command, name, value)
    monkeypatch.setattr(command, "all_blocks", lambda: {"table: x": "new\n"})
    monkeypatch.setattr(command, "all_pages", lambda: [fresh, stale])
    monkeypatch.setattr(command, "all_figures", lambda: {"a.png": drawing})
    done = CliRunner().invoke(command.main)
    assert (done.exit_code, done.output) == (0, "stale.md\n")
    assert stale.read_text() == fresh.read_text()
    assert source_of(tmp_path / "a.png") == drawing.source
