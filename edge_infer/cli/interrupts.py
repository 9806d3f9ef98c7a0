"""SIGINT and SIGTERM end a command in an orderly way, and alike.

Python turns only SIGINT into an exception, and a C extension that is being imported or is
running may turn that into any other. So the signal is noted too: whatever a command ends
with after one, it was interrupted. A signal may come twice for one wish: `timeout` sends it
to the process and to its group. Only a later one means that the end is not to be waited for.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from edge_infer.cli.exit_codes import EXIT_SIGNAL

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_WISH_S = 0.5  # as quick as a key is not meant to be pressed twice


def run_interruptible(command: Callable[[], int]) -> int:
    """Run a command in the main thread; both signals raise `KeyboardInterrupt` in it, so that what is open is closed.

    Returns:
        The command's exit code; `EXIT_INTERRUPTED` or `EXIT_TERMINATED` if a signal came.
    """

    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    with calling_on_signals(interrupt) as received:
        try:
            code = command()
        except (Exception, KeyboardInterrupt):
            if not received:
                raise
            code = 0
    return EXIT_SIGNAL + received[0] if received else code


@contextmanager
def calling_on_signals(end: Callable[[], object]) -> Iterator[list[int]]:
    """Let the first signal call what brings the end, and a later one end the process at once.

    Yields:
        The number of the first signal, once it has come.
    """
    received: list[int] = []
    first_at = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first_at
        del frame
        if not received:
            received.append(number)
            first_at = time.monotonic()
            end()
        elif time.monotonic() - first_at > SAME_WISH_S:
            os._exit(EXIT_SIGNAL + number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
