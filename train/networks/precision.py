"""bfloat16: several times as fast as float32 on processors that are made for it, and slower on others."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from edge_infer.runtime.cpus import cpu_fields

# AVX-512's bfloat16 without AMX is no help: there a VGG16 takes 1.8 times as long as in float32, and a narrow network
# learns 2.8 times as slowly (TensorFlow 2.21, Xeon of model 207).
_FAST_FLAG = "amx_bf16"
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
    """Return whether the processor is known to multiply bfloat16 faster than float32."""
    try:
        return _FAST_FLAG in cpu_fields().get("flags", "").split()
    except OSError:
        return False
