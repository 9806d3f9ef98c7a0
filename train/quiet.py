"""Start TensorFlow without the screen of log lines it prints about CPUs and missing GPUs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def start_tensorflow(threads: int | None = None) -> None:
    """Import TensorFlow and let it find its devices, silently; errors are still raised.

    Args:
        threads: Threads of one operation; None for TensorFlow's own choice. They cannot be changed later.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent_stderr():
        import tensorflow as tf

        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()
        tf.get_logger().setLevel("ERROR")  # Keras compiles a step a fold, which TensorFlow thinks too many


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Send file descriptor 2 nowhere: for lines that come from C++, before any log level counts."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
