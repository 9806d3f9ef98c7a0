"""Photos of plain colours, and a network that knows which is which, however its pixels are scaled."""

import keras
import numpy as np
import pytest

import train.__main__ as command
from train.imports.imported import scaled

SIDE = 16
COLOURS = {"amber": (180, 150, 110), "jade": (130, 180, 120), "plum": (120, 130, 180), "rose": (170, 110, 150)}
PHOTOS_A_CLASS = 24


def run_train(capsys, monkeypatch, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["train", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def prototypes(scaling: str, *, is_bgr: bool, order: list[str]) -> keras.Model:
    """A network that answers which colour is nearest, by the sum of distances, if pixels are scaled so."""
    colours = np.array([[COLOURS[label]] for label in order], np.uint8)[:, np.newaxis]
    centres = scaled(colours, scaling, is_bgr=is_bgr)[:, 0, 0]  # [C, 3]
    level = np.ptp(centres) / np.ptp(colours.astype(int))  # one of 0-255, scaled
    classes = len(order)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes * 6, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    *_, hidden, answer = model.layers
    axes = np.tile(np.eye(3), classes)  # |x - c| = relu(x - c) + relu(c - x)
    above = centres.reshape(-1)
    hidden.set_weights([np.concatenate([axes, -axes], axis=1), np.concatenate([-above, above])])
    of_class = np.repeat(np.eye(classes), 3, axis=0)
    answer.set_weights([-np.concatenate([of_class, of_class]) / (8 * level), np.zeros(classes)])
    return model
