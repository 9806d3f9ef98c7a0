"""One progress bar for everything long, on stderr, and only where someone watches."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import click

Item = TypeVar("Item")


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items, moving a bar."""
    with click.progressbar(items, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield from bar


def say(message: str) -> None:
    """Tell the person who waits what is going on."""
    click.echo(message, err=True)
