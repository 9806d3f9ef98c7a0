"""bfloat16, in which processors that are made for it multiply several times as fast, and who may take it unasked."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from edge_infer.runtime.cpus import cpu_fields

_FAST_FLAGS = {"amx_bf16", "avx512_bf16"}
_OPTION = "auto_mixed_precision_onednn_bfloat16"


@contextmanager
def bfloat16_where_fast() -> Iterator[None]:
    """Run TensorFlow's functions with convolutions in bfloat16 inside this context, if the processor is made for it.

    Inputs, outputs and weights stay `float32`; probabilities move by up to about 0.01.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OPTION, False)
    tf.config.optimizer.set_experimental_options({_OPTION: has_fast_bfloat16()})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})


def has_fast_bfloat16() -> bool:
    """Return whether the processor is known to multiply bfloat16."""
    try:
        return not _FAST_FLAGS.isdisjoint(cpu_fields().get("flags", "").split())
    except OSError:
        return False
