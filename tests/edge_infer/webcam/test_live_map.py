"""The map of where the model looked, over the feed: toggled, drawn, recorded as a peak, refused where too slow."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.webcam.answers.map_smoothing import MapSmoother
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.live import NO_MAP
from edge_infer.webcam.view import View
from tests.edge_infer.webcam.conftest import ScriptedSource
from tests.edge_infer.webcam.test_live import Run
from tests.support.pooled_model import coloured_pictures, write_pooled_model
from tests.support.tiny_model import write_tiny_model

GRAIN = next(coloured_pictures())


def run_toggling(model: Path, at: tuple[int, ...], frames: int = 8) -> Run:
    """Run a feed of one picture, toggling the map after some answers."""
    large = np.asarray(Image.fromarray(GRAIN).resize((320, 240)))
    run = Run(ScriptedSource([large] * frames, frame_s=1 / 30, pause_s=0))
    run.answers = VideoClassifier(Classifier(model, threads=1))
    toggled: set[int] = set()

    def toggle(view: View) -> None:
        if view.status.answered in at and view.status.answered not in toggled:
            toggled.add(view.status.answered)
            run.commands.put("toggle-map")

    run.display._on_view = toggle
    run()
    return run


def test_it_is_toggled_drawn_and_recorded_as_a_peak(tmp_path: Path) -> None:
    run = run_toggling(write_pooled_model(tmp_path / "small.onnx"), at=(2, 5))
    has_peak = [record.peak_box is not None for record in run.records]
    assert has_peak == [False, False, True, True, True, False, False, False]
    drawn: dict[int, tuple[bool, np.ndarray]] = {}
    for view in run.display.views:  # the first of each frame: the map may be toggled while it is shown
        drawn.setdefault(view.prediction.frame, (view.status.has_map, np.asarray(view.image_rgb)))
    middle = np.s_[60:180, 100:300]
    assert (drawn[1][1][middle] == drawn[7][1][middle]).all()
    assert np.abs(drawn[4][1][middle].astype(int) - drawn[1][1][middle]).mean() > 5
    assert [drawn[frame][0] for frame in (1, 4, 7)] == [False, True, False]


def test_a_model_that_would_be_too_slow_says_so_and_answers_on(tmp_path: Path) -> None:
    run = run_toggling(write_tiny_model(tmp_path / "colours.onnx"), at=(2,), frames=6)
    assert len(run.records) == 6
    assert [record.peak_box for record in run.records] == [None] * 6
    assert run.display.views[-1].status.trouble == NO_MAP
    assert not run.display.views[-1].status.has_map
    assert run.display.views[0].status.trouble is None


def test_the_map_is_of_the_smoothed_answer(tmp_path: Path) -> None:
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx"), threads=1)
    video = VideoClassifier(classifier, smoothing_s=0.5)
    for number, picture in enumerate(coloured_pictures(5)):
        answer, explanation = video.explain(Image.fromarray(picture), number / 10)
        assert explanation is not None
        assert explanation.prediction is answer
        (found,) = explanation.maps
        assert found.label == answer.scores[0].label
        assert {found.label, *found.against} == set(classifier.labels)
        assert found.cells.sum() + found.bias == pytest.approx(found.logit, abs=1e-5)
        assert answer.peak_box == found.peak_box
    alone = VideoClassifier(classifier, smoothing_s=0).explain(Image.fromarray(picture), 0.0)[1]
    plain = classifier.explain(picture)
    assert np.allclose(alone.maps[0].cells, plain.maps[0].cells, atol=1e-5)
    assert not np.allclose(found.cells, plain.maps[0].cells, atol=1e-3)


@pytest.mark.parametrize(("later_s", "expected"), [(0.5, 1 - np.exp(-1)), (2.5, 1.0)])
def test_maps_are_smoothed_by_time_and_forgotten_after_a_while(later_s: float, expected: float) -> None:
    smoother = MapSmoother(0.5)
    old, new = np.zeros((2, 3, 3), np.float32), np.ones((2, 3, 3), np.float32)
    assert (smoother.smooth(old, 1.0) == 0).all()
    assert smoother.smooth(new, 1.0 + later_s) == pytest.approx(expected)
    assert (MapSmoother(0).smooth(new, 1.0) == 1).all()
