"""The help text of every command, as docs/cli.md shows it."""

import click

import edge_infer.cli.main
import export.__main__
import train.__main__

PROGRAMS = {
    "edge-infer": edge_infer.cli.main.cli,
    "python -m train": train.__main__.cli,
    "python -m export": export.__main__.cli,
}
WIDTH = 100


def all_commands() -> dict[str, click.Context]:
    """Return every command by what one types, as it is when run."""
    return {name: found for program, root in PROGRAMS.items() for name, found in _contexts(root, program).items()}


def help_text(context: click.Context) -> str:
    """Return a command's help in a fence."""
    return f"```\n{context.command.get_help(context)}\n```\n"


def _contexts(command: click.Command, name: str, parent: click.Context | None = None) -> dict[str, click.Context]:
    """Return a command and all commands below it."""
    context = click.Context(command, parent, name, **{**command.context_settings, "terminal_width": WIDTH})
    found = {context.command_path: context}
    if isinstance(command, click.Group):
        for child, below in command.commands.items():
            found |= _contexts(below, child, context)
    return found
