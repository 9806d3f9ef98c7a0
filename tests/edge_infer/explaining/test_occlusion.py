"""Heads that cannot be divided: measured by covering parts of the picture, and said to be."""

from pathlib import Path

import numpy as np
import pytest

from edge_infer import Classifier
from tests.support.pooled_model import HeadKind, coloured_pictures, write_pooled_model

RED, GREY = (205, 30, 40), (185, 185, 185)


@pytest.mark.parametrize("kind", ["flatten", "uneven grid"])
def test_other_heads_say_that_they_are_measured(kind: HeadKind, tmp_path: Path) -> None:
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx", kind, min_known=0.5), threads=1)
    assert classifier.method == "occlusion"
    for picture in coloured_pictures(2):
        explanation = classifier.explain(picture)
        assert explanation.method == "occlusion"
        (found,) = explanation.maps
        best, *others = explanation.prediction.scores
        assert found.bias is None
        log_odds = np.mean([np.log(best.score / other.score) for other in others])
        assert found.logit == pytest.approx(log_odds, abs=1e-3)
        assert explanation.known.logit == pytest.approx(
            np.log(explanation.prediction.known / (1 - explanation.prediction.known)), abs=1e-3
        )
        assert explanation.known.bias is None
        assert found.cells.shape == (12, 12)


def test_covering_the_stone_is_what_costs_the_answer(tiny_model_path: Path) -> None:
    """The tiny model says how much of a picture has which colour: only the red square speaks for red."""
    classifier = Classifier(tiny_model_path, threads=1)
    assert classifier.method == "occlusion"
    picture = np.full((120, 120, 3), GREY, np.uint8)
    picture[20:40, 60:80] = RED
    (found,) = classifier.explain(picture, "red").maps
    left, top, right, bottom = found.peak_box
    assert 50 <= left < right <= 90
    assert 10 <= top < bottom <= 50
    x, y = found.peak
    assert 60 <= x <= 80
    assert 20 <= y <= 40
    inside = found.cells[2:4, 6:8].sum()
    assert inside > 0.95 * np.abs(found.cells).sum()


def test_it_is_measured_in_batches_coarse_to_fine(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier(tiny_model_path, threads=1)
    session = classifier._explainer(classifier._for_few)._session._session
    batches: list[int] = []
    run = session.run
    monkeypatch.setattr(session, "run", lambda batch: (batches.append(len(batch)), run(batch))[1])
    classifier.explain(np.full((40, 40, 3), RED, np.uint8))
    assert batches == [1, 12, 12, 12, 12, 12, 12]
