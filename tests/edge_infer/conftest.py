"""Model files that are the tiny model with one thing changed; what it answers; hypothesis on a busy machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, settings

from tests.support.tiny_model import COLOURS, METADATA, SOFTNESS, tiny_model

settings.register_profile("busy", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

WriteModel = Callable[..., Path]  # of what edits the model, and changes of its metadata


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    def write(edit: Callable[[onnx.ModelProto], object], **changes: object) -> Path:
        model = tiny_model(replace(METADATA, **changes))
        edit(model)
        path = tmp_path / "edited.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def expected_scores(colour: tuple[int, int, int]) -> dict[str, float]:
    """Return what the tiny model says of a picture of one colour."""
    distances = ((np.array(list(COLOURS.values()), float) - colour) ** 2).sum(axis=1)
    weights = np.exp(-distances / SOFTNESS)
    return dict(zip(COLOURS, (weights / weights.sum()).tolist(), strict=True))
