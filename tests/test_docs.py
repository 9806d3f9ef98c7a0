"""The documentation says what the commands say. `python -m tests.test_docs` renews the help texts."""

import re
from pathlib import Path

import click
import pytest

import edge_infer.cli.main
import export.__main__
import train.__main__

ROOT = Path(__file__).parents[1]
CLI_PAGE = ROOT / "docs" / "cli.md"
PROGRAMS = {
    "edge-infer": edge_infer.cli.main.cli,
    "python -m train": train.__main__.cli,
    "python -m export": export.__main__.cli,
}
HELP_BLOCK = re.compile(r"<!-- help: (?P<name>.+?) -->\n```\n.*?```\n", re.DOTALL)


def contexts(command: click.Command, name: str, parent: click.Context | None = None) -> dict[str, click.Context]:
    """Return a command and all commands below it, by what one types, as they are when run."""
    context = click.Context(command, parent, name, **{**command.context_settings, "terminal_width": 100})
    found = {context.command_path: context}
    if isinstance(command, click.Group):
        for child, below in command.commands.items():
            found |= contexts(below, child, context)
    return found


ALL_COMMANDS = {name: found for program, root in PROGRAMS.items() for name, found in contexts(root, program).items()}


def help_block(name: str) -> str:
    context = ALL_COMMANDS[name]
    return f"<!-- help: {name} -->\n```\n{context.command.get_help(context)}\n```\n"


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_the_help_of_every_command_is_in_the_page(name: str):
    assert help_block(name) in CLI_PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_option_has_a_help_text(name: str):
    options = [parameter for parameter in ALL_COMMANDS[name].command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_and_named_files_exist(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]

    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def renew() -> None:
    text = CLI_PAGE.read_text(encoding="utf-8")
    CLI_PAGE.write_text(HELP_BLOCK.sub(lambda match: help_block(match["name"]), text), encoding="utf-8")


if __name__ == "__main__":
    renew()
