"""From a frame to its answer: faces followed, scores smoothed."""

from dataclasses import replace

from PIL import Image

from edge_infer.classifier import Classifier
from edge_infer.results import Prediction
from edge_infer.webcam.answers.smoothing import Smoother
from edge_infer.webcam.answers.tracking import FaceTracker
from edge_infer.webcam.defaults import SMOOTHING_S

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
        tracks = () if self._tracker is None else self._tracker.update(image_rgb, time_s)
        known_faces = None if self._tracker is None else [track.face for track in tracks]
        answer = self._classifier.classify(image_rgb, known_faces=known_faces)
        if not answer.faces:
            return self._smoother.smooth(_WHOLE_PICTURE, answer, time_s)
        faces = tuple(
            self._smoother.smooth(track.number, face, time_s) for track, face in zip(tracks, answer.faces, strict=True)
        )
        return replace(answer, faces=faces, scores=faces[0].scores, known=faces[0].known)
