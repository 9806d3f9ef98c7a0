"""Every command and option says what it does."""

from collections.abc import Iterator

import click
import pytest

import edge_infer
from edge_infer.cli.main import cli
from tests.edge_infer.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("folder")


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


ALL_COMMANDS = dict(commands())


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command_and_option(run: Run, path: tuple[str, ...], option: str) -> None:
    command = ALL_COMMANDS[path]
    answer = run(*path, option)
    assert (answer.code, answer.err) == (0, "")
    assert command.help.split("\n")[0] in answer.out
    for name in getattr(command, "commands", {}):
        assert f"\n  {name} " in answer.out
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert all(name in answer.out for name in parameter.opts)
        else:
            assert parameter.make_metavar(click.Context(command)) in answer.out


def test_the_commands_are_those_documented() -> None:
    assert {" ".join(path) for path in ALL_COMMANDS} >= {"", "classify", "models", "models list", "models show"}
    options = {name for parameter in ALL_COMMANDS["classify",].params for name in parameter.opts}
    assert options == {
        *("paths", "--task", "--model", "--top", "--min-score", "--min-known", "--format", "--batch"),
        *("--threads", "--provider"),
        *(
            "--faces",
            "--second-look",
            "--save-annotated",
            "--explain",
            "--max-pixels",
            "--max-bytes",
            "--rotate",
            "--recursive",
        ),
    }


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"edge-infer, version {edge_infer.__version__}\n", "")
