"""The exit codes of every command.

0 all fine; 1 something failed (of several inputs: some, the others were answered); 2 usage, as
click has it; 3 model or provider; 4 camera; 128 plus its number for a signal, as shells have it.
"""

import signal

EXIT_FAILED = 1
EXIT_MODEL = 3
EXIT_CAMERA = 4
EXIT_SIGNAL = 128  # plus the signal's number
EXIT_INTERRUPTED = EXIT_SIGNAL + signal.SIGINT
EXIT_TERMINATED = EXIT_SIGNAL + signal.SIGTERM
