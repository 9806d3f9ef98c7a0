"""What `edge-infer webcam` shows the feed on: a page, a window."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_infer.webcam.live import Display
    from edge_infer.webcam.view import Command

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = (LOOPBACK, "localhost", "::1")


def parse_address(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """Read HOST:PORT."""
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("give HOST:PORT, or PORT alone for this machine only.", context, parameter)
    return host.strip("[]") or LOOPBACK, int(port)


def parse_host_names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """Read the names that the page is reached by."""
    from edge_infer.webcam.page.access import host_name

    names = {value: host_name(value) for value in values}
    for value, name in names.items():
        if name is None:
            raise click.BadParameter(
                f"{value!r} is not a host name: give one such as cam.example.org.", context, parameter
            )
    return frozenset(name for name in names.values() if name is not None)


def open_displays(
    stack: ExitStack,
    commands: "SimpleQueue[Command]",
    http: tuple[str, int] | None,
    allow_hosts: frozenset[str],
    no_display: bool,
    note: Callable[[str], None],
) -> "Iterator[Display]":
    """Yield what shows the feed.

    Args:
        stack: Closes it.
        commands: Takes what its viewers ask for.
        http: Where to serve the page; None for no page.
        allow_hosts: More names that the page is reached by.
        no_display: Open no window even where there is a display.
        note: Told where the page is.
    """
    if http is not None:
        from edge_infer.webcam.page.server import LiveServer

        try:
            server = LiveServer(*http, commands.put, allow_hosts)
        except (OSError, UnicodeError) as error:  # UnicodeError: no possible host name
            reason = getattr(error, "strerror", None) or "no such host"
            where = f"{http[0]}:{http[1]}"
            raise click.BadParameter(f"cannot listen on {where}: {reason}.", param_hint="'--http'") from error
        stack.callback(server.close)
        note(f"Watch at {server.url}")
        if http[0] not in LOOPBACK_NAMES:
            note("Whoever can reach this machine can watch, record and take snapshots there.")
        yield server
    from edge_infer.webcam.window import Window, has_display

    if not no_display and has_display():
        window = Window(commands.put)
        stack.callback(window.close)
        yield window
