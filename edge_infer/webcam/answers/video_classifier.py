"""From a frame to its answer: faces followed, scores smoothed."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from edge_infer.classifier import Classifier
from edge_infer.explaining.explanation import against_others
from edge_infer.faces.detector import Face
from edge_infer.results import Prediction
from edge_infer.webcam.answers.map_smoothing import MapSmoother
from edge_infer.webcam.answers.smoothing import Smoother
from edge_infer.webcam.answers.tracking import FaceTracker, Track
from edge_infer.webcam.defaults import SMOOTHING_S

if TYPE_CHECKING:  # imported when a map is first asked for
    from edge_infer.explaining.explanation import Explanation

_WHOLE_PICTURE = "whole picture"


class VideoClassifier:
    """Classifies the frames of one video, in order.

    Args:
        classifier: The model.
        smoothing_s: As in `Smoother`.
    """

    def __init__(self, classifier: Classifier, smoothing_s: float = SMOOTHING_S) -> None:
        self._classifier, self._smoothing_s = classifier, smoothing_s
        self.forget()

    def forget(self) -> None:
        """Take the next frame for the first of another video."""
        detector = self._classifier.detector
        self._smoother = Smoother(self._smoothing_s)
        self._map_smoother = MapSmoother(self._smoothing_s)
        self._tracker = None if detector is None else FaceTracker(detector)

    def answer(self, image_rgb: Image.Image, time_s: float) -> Prediction:
        """Return the answer for the next frame, `Classifier.classify`'s but for the smoothed scores and `known`.

        Args:
            image_rgb: The frame, mode RGB.
            time_s: When it was taken; never earlier than the one before.

        Raises:
            InputError: As in `Classifier.classify`.
            ModelOutputError: As in `Classifier.classify`.
        """
        tracks, known_faces = self._followed(image_rgb, time_s)
        return self._smoothed(self._classifier.classify(image_rgb, known_faces=known_faces), tracks, time_s)

    def explain(self, image_rgb: Image.Image, time_s: float) -> "tuple[Prediction, Explanation | None]":
        """Return the answer for the next frame with its map, smoothed as the scores are; those of faces are not.

        Args:
            image_rgb: As in `answer`.
            time_s: As in `answer`.

        Returns:
            The answer; and its explanation, or None where there is no face to explain, or where it would have to be
            measured by occlusion, which no feed waits for.

        Raises:
            InputError: As in `Classifier.classify`.
            ModelOutputError: As in `Classifier.classify`.
        """
        if not self.can_explain():
            return self.answer(image_rgb, time_s), None
        tracks, known_faces = self._followed(image_rgb, time_s)
        if self._tracker is not None:
            explanation = self._classifier.explain(image_rgb, known_faces=known_faces)
            answer = self._smoothed(explanation.prediction, tracks, time_s)
            return answer, replace(explanation, prediction=answer) if answer.shows_subject else None
        explanation = self._classifier.explain(image_rgb, self._classifier.labels)
        answer = self._smoothed(explanation.prediction, tracks, time_s)
        cells = self._map_smoother.smooth(np.stack([found.cells for found in explanation.maps]), time_s)
        labels = self._classifier.labels
        best = labels.index(answer.scores[0].label)
        factors = against_others(best, len(labels))
        logit = float(factors @ [found.logit for found in explanation.maps])
        shares = np.tensordot(factors, cells, 1)
        found = replace(
            explanation.maps[best],
            against=(*labels[:best], *labels[best + 1 :]),
            logit=logit,
            bias=logit - float(shares.sum()),
            cells=shares,
        )
        answer = replace(answer, peak_box=found.peak_box)
        return answer, replace(explanation, prediction=answer, maps=(found,))

    def can_explain(self) -> bool:
        """Return whether the model's answers can be explained as fast as frames come; loads what explains them."""
        return self._classifier.method == "exact"

    def _followed(self, image_rgb: Image.Image, time_s: float) -> tuple[tuple[Track, ...], list[Face] | None]:
        if self._tracker is None:
            return (), None
        tracks = self._tracker.update(image_rgb, time_s)
        return tracks, [track.face for track in tracks]

    def _smoothed(self, answer: Prediction, tracks: tuple[Track, ...], time_s: float) -> Prediction:
        if not answer.faces:
            return self._smoother.smooth(_WHOLE_PICTURE, answer, time_s)
        faces = tuple(
            self._smoother.smooth(track.number, face, time_s) for track, face in zip(tracks, answer.faces, strict=True)
        )
        return replace(answer, faces=faces, scores=faces[0].scores, known=faces[0].known)
