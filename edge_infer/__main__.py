"""The process around the command line: `edge-infer`, which `python -m edge_infer` is too."""

import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from edge_infer.cli.exit_codes import EXIT_SIGNAL
from edge_infer.cli.interrupts import SIGNALS


def run() -> NoReturn:
    """Run the command line, with no traceback whenever it is interrupted, and no word from C libraries."""
    for number in SIGNALS:  # until the command line handles them, there is nothing to close
        signal.signal(number, _end_at_once)
    silence_libraries()
    try:
        from edge_infer.cli.main import main

        main()
    except SystemExit:
        with suppress(OSError, AttributeError):  # of a full disk; Python would make it exit code 120
            sys.stderr.close()
        raise
    finally:
        for number in SIGNALS:  # nothing is left to interrupt
            signal.signal(number, signal.SIG_IGN)
        # Python would look through every module's objects for cycles twice more: a tenth of a short command's time.
        gc.freeze()


def _end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    os._exit(EXIT_SIGNAL + number)


def silence_libraries() -> None:
    """Keep file descriptor 2 for Python's messages: libtiff writes a line there for each damaged file."""
    if sys.stderr is None:  # closed by the caller (`2>&-`)
        return
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(kept, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")


if __name__ == "__main__":
    run()
