"""SIGINT and SIGTERM end a command in an orderly way, and alike.

Python turns only SIGINT into an exception, and a C extension that is being imported or is
running may turn that into any other. So the signal is noted too: whatever a command ends
with after one, it was interrupted.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SIGNAL_EXIT = 128  # plus the signal's number, as shells have it: 130 and 143
EXIT_INTERRUPTED = SIGNAL_EXIT + signal.SIGINT
EXIT_TERMINATED = SIGNAL_EXIT + signal.SIGTERM


def run_interruptible(command: Callable[[], int]) -> int:
    """Run a command in the main thread; both signals raise `KeyboardInterrupt` in it, so that what is open is closed.

    Returns:
        The command's exit code; `EXIT_INTERRUPTED` or `EXIT_TERMINATED` if a signal came.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if received:  # the second time it is meant
            os._exit(SIGNAL_EXIT + number)
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
    return SIGNAL_EXIT + received[0] if received else code
