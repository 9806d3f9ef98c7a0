"""Whether a picture shows any of the classes at all: `known`, 0-1, beside the classes' probabilities."""

import keras
from keras import ops

KNOWN_LOGITS = "known_logits"
KNOWN = "known"


class Known(keras.layers.Layer):
    """Logits of the classes, of "none of these" and of familiarity -> how likely it is one of the classes.

    `sigmoid(scale (log sum_c exp(u_c) - u_none)) sigmoid(u_familiar)`. The first factor, with a scale of 1, is the
    classes' share of a softmax that has "none of these" as one class more; with a fixed `u_none`, a threshold on the
    free energy of the classes (Liu, Wang, Owens, Li 2020), which takes no strangers to learn from. Which of the two it
    is, its weights say. The second factor is near 1 unless the scene is far from all that was learned from
    (`train.fitting.head.familiarity`): strangers of a sort that no stranger learned from resembles, such as faces.
    """

    def build(self, outputs_shape: tuple[int | None, int]) -> None:
        """Make the scale, one number."""
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale", trainable=False)
        super().build(outputs_shape)

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:  # [N, C + 2]
        """Return `[N]`."""
        classes, none, familiar = outputs[:, :-2], outputs[:, -2], outputs[:, -1]
        # In steps, since the library's own log-sum-exp asks for infinities on its way.
        largest = ops.max(classes, axis=-1)
        energy = largest + ops.log(ops.sum(ops.exp(classes - largest[:, None]), axis=-1))
        return ops.sigmoid(self.scale * (energy - none)) * ops.sigmoid(familiar)
