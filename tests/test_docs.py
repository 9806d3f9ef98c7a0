"""The documentation says what the commands say, and what it names exists."""

import re
from pathlib import Path

import click
import pytest

from benchmarks.pages.help_texts import all_commands, help_text

ROOT = Path(__file__).parents[1]
CLI_PAGE = ROOT / "docs" / "cli.md"
ALL_COMMANDS = all_commands()


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_the_help_of_every_command_is_in_the_page(name: str):
    block = f"<!-- help: {name} -->\n{help_text(ALL_COMMANDS[name])}"
    assert block in CLI_PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_has_a_help_text(name: str):
    options = [parameter for parameter in ALL_COMMANDS[name].command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_and_named_files_exist(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]

    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_the_architecture_names_every_module_of_every_folder():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([\w/]+)/` \| [^|]+ \| (`.+`) \|$", page)
    named = {(folder, name) for folder, names in rows for name in re.findall(r"`([^`]+)`", names)}
    packages = [ROOT / name for name in ("edge_infer", "train", "export", "benchmarks")]
    modules = {
        (path.parent.relative_to(ROOT).as_posix(), path.stem)
        for package in packages
        for path in package.rglob("*.py")
        if path.stem != "__init__"
    }

    files = {(folder, name) for folder, name in named if "." in name}  # models, pages, scripts: named whole
    assert named - files == modules
    assert [f"{folder}/{name}" for folder, name in files if not (ROOT / folder / name).exists()] == []
