"""What a slim chain learns from the original: what its head reads of a view, how channels respond, what it answers."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from train.metrics import Floats, Ints
from train.runs.checkpoints import Checkpoints
from train.slim.chains.chain import Chain
from train.slim.distillation import Distillation, Pixels, Standardization, follow, read_out

Entrance = Callable[[keras.KerasTensor], keras.KerasTensor]  # RGB pixels 0-255 -> what the chain's network is given


def seen(network: keras.Model, chain: Chain, enter: Entrance) -> list[keras.Model]:
    """Return what a network of a chain's layers sees in pictures.

    Args:
        network: From `Chain.with_widths`.
        chain: The chain.
        enter: Scales pixels.

    Returns:
        Three networks `[N, H, W, 3]` RGB 0-255 -> `float32 [N, d]`: what the reader gives, before its activation, the
        averages of the maps that it reads, and the logits, less what all classes share: the softmax does not see it.
    """
    maps, logits = network.get_layer(chain.join.name).input, ops.cast(network.output, "float32")
    if logits.shape[-1] > 1:  # of one sigmoid unit nothing is shared
        logits = logits - ops.mean(logits, axis=-1, keepdims=True)
    tensors = [network.get_layer(chain.reader.name).output, keras.layers.GlobalAveragePooling2D()(maps), logits]
    image = keras.Input(network.input_shape[1:])
    found = keras.Model(network.input, [ops.cast(tensor, "float32") for tensor in tensors])(enter(image))
    return [keras.Model(image, tensor) for tensor in found]


def teach(
    network: keras.Model,
    chain: Chain,
    enter: Entrance,
    load: Callable[[Ints], Pixels],
    wanted: Sequence[Floats],
    settings: Distillation,
    state: Checkpoints,
    seed: int,
) -> None:
    """Train a slim network in place, resuming after the last whole round.

    Args:
        network: The slim network, from `Chain.with_widths`.
        chain: The chain.
        enter: Scales pixels.
        load: As in `train.slim.distillation.distil`.
        wanted: What the original sees in every view, as `seen` gives it, `[N, d]` each.
        settings: How long and how fast.
        state: Where the state is kept.
        seed: Decides the order of the views.
    """
    for layer in network.layers:
        # What normalizes was learned from more photos than there are here, and stays as the original has it.
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    read, averages, answer = seen(network, chain, enter)
    share = sum(rows.shape[1] for rows in wanted) / len(wanted)
    targets = [_weighted(rows, share) for rows in wanted[:2]]
    targets.append(_evenly(_weighted(wanted[2], share)))
    standardized = [target.apply(rows) for target, rows in zip(targets, wanted, strict=True)]
    readout = read_out(averages, load, standardized[1], seed)
    outputs = keras.layers.Concatenate()([targets[0].layer()(read.output), readout, targets[2].layer()(answer.output)])
    follow(keras.Model(read.input, outputs), load, np.concatenate(standardized, axis=1), settings, state, seed)


def _weighted(rows: Floats, share: float) -> Standardization:
    """Standardize so that a group of features counts as if it had `share` of them, however many it has."""
    own = Standardization.of(rows)
    return Standardization(own.mean, own.scale * np.float32(np.sqrt(rows.shape[1] / share)))


def _evenly(own: Standardization) -> Standardization:
    """Give all features one scale: what a class's logit differs by decides, however much it differs elsewhere."""
    return Standardization(own.mean, np.full_like(own.scale, np.sqrt((own.scale**2).mean())))
