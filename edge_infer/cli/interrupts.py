"""SIGINT and SIGTERM end a command in an orderly way, and alike.

Python turns only SIGINT into an exception, and a C extension that is being imported or is
running may turn that into any other. So the signal is noted too: whatever a command ends
with after one, it was interrupted.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType

from edge_infer.cli.exit_codes import EXIT_SIGNAL

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_interruptible(command: Callable[[], int]) -> int:
    """Run a command in the main thread; both signals raise `KeyboardInterrupt` in it, so that what is open is closed.

    Returns:
        The command's exit code; `EXIT_INTERRUPTED` or `EXIT_TERMINATED` if a signal came.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if received:  # the second time it is meant
            os._exit(EXIT_SIGNAL + number)
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        code = command()
    except (Exception, KeyboardInterrupt):
        if not received:
            raise
        code = 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return EXIT_SIGNAL + received[0] if received else code
