"""How far long work has come, on stderr: one bar where someone watches, and a line now and then in a log."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

import click

Item = TypeVar("Item")

SECONDS_A_LINE = 60


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items, moving a bar; where stderr is no terminal, say every minute how many are done."""
    if sys.stderr.isatty():
        with click.progressbar(items, label=label, file=sys.stderr) as bar:
            yield from bar
        return
    said = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - said >= SECONDS_A_LINE:
            said = time.monotonic()
            say(f"{label}: {done} of {len(items)}")
        yield item


def say(message: str) -> None:
    """Tell the person who waits what is going on."""
    click.echo(message, err=True)
