"""A model loaded for a number of threads, and the way from pictures to answers: load, run, rank.

A model of faces answers for each face that is found; see `edge_infer.faces.detector` and
`edge_infer.faces.crops`.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_infer.faces.detector import Face
from edge_infer.intake import Intake, Loaded
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile
from edge_infer.pictures.loading import ImageSource
from edge_infer.results import FacePrediction, FailedInput, LabelScore, Prediction, Result, rank
from edge_infer.runtime.outputs import Outputs, joined
from edge_infer.runtime.session import Session
from edge_infer.settings import Settings

Inputs = list[npt.NDArray[np.uint8]]


class Answer(NamedTuple):
    """What `Prediction` and `FacePrediction` say alike, by the same names."""

    scores: tuple[LabelScore, ...]
    min_score: float
    known: float | None
    min_known: float | None


class Ranking:
    """Turns a network's answers into results.

    Args:
        metadata: The model's.
        settings: How it is run.
    """

    def __init__(self, metadata: ClassifierMetadata, settings: Settings) -> None:
        self._metadata = metadata
        self._min_score = metadata.min_score if settings.min_score is None else settings.min_score
        self._min_known = metadata.min_known if settings.min_known is None else settings.min_known

    def answers(self, outputs: Outputs) -> list[Answer]:
        """Rank the classes for each input of a batch."""
        probabilities = outputs.probabilities.tolist()
        known = [None] * len(probabilities) if outputs.known is None else outputs.known.tolist()
        return [
            Answer(rank(self._metadata.labels, row), self._min_score, sure, self._min_known)
            for row, sure in zip(probabilities, known, strict=True)
        ]

    def prediction(self, loaded: Loaded, answers: list[Answer]) -> Prediction:
        """Return the answer for a picture, given those for its inputs."""
        meta, faces = self._metadata, None
        if loaded.faces is not None:
            # Without a face, the answer is for the whole picture.
            answered = zip(loaded.faces, answers if loaded.faces else (), strict=True)
            faces = tuple(
                FacePrediction(face.box, face.score, face.landmarks, is_clear=face.is_clear, **answer._asdict())
                for face, answer in answered
            )
        return Prediction(
            loaded.source,
            meta.task,
            meta.name,
            faces=faces,
            shows_subject=loaded.shows_subject,
            **answers[0]._asdict(),
        )


class Engine:
    """A classifier's network. Safe to share between threads.

    Args:
        file: The classifier's checked model file.
        intake: Loads the pictures.
        settings: How the network is run.

    Raises:
        ModelError: The model or the provider cannot be used.
    """

    def __init__(self, file: ModelFile[ClassifierMetadata], intake: Intake, settings: Settings) -> None:
        self._intake, self._ranking = intake, Ranking(file.metadata, settings)
        self._session = Session(file, **settings.inference)

    def classify(self, source: ImageSource, known_faces: Sequence[Face] | None = None) -> Prediction:
        """Classify one picture.

        Args:
            source: The picture.
            known_faces: As in `Intake.load`.

        Raises:
            InputError: The picture cannot be read, or lacks the face that it needs.
            ModelOutputError: The model's output is not a probability distribution.
        """
        (prediction,) = self._predict([self._intake.load(source, known_faces)], batch_size=8)
        return prediction

    def classify_batch(self, batch: list[ImageSource | FailedInput], batch_size: int) -> list[Result]:
        """Classify pictures, at most `batch_size` network inputs at a time; failures keep their place.

        Raises:
            ModelOutputError: As in `classify`.
        """
        return self._intake.answer_each(batch, lambda loaded: self._predict(loaded, batch_size))

    def _predict(self, batch: list[Loaded], batch_size: int) -> list[Prediction]:
        """Answer for loaded pictures, however many faces they show, `batch_size` inputs at a time."""
        if not batch:
            return []

        def run(inputs: Inputs) -> Outputs:
            return joined([self._session.run(batch_nhwc) for batch_nhwc in stacked(inputs, batch_size)])

        outputs = run([image_rgb for loaded in batch for image_rgb in loaded.inputs])
        answers = iter(self._ranking.answers(with_second_looks(outputs, batch, self._intake, run)))
        return [self._ranking.prediction(loaded, list(islice(answers, len(loaded.inputs)))) for loaded in batch]


def with_second_looks(
    outputs: Outputs, batch: list[Loaded], intake: Intake, run: Callable[[Inputs], Outputs]
) -> Outputs:
    """Average the answers of which a network is not sure with those to the middle of the pictures.

    Args:
        outputs: The answers to the whole pictures.
        batch: The pictures.
        intake: What loaded them.
        run: Answers for more inputs.
    """
    unsure = np.flatnonzero(outputs.probabilities.max(axis=1) < intake.sure)
    if not len(unsure):
        return outputs
    return outputs.averaged(unsure, run([intake.second_look(batch[i]) for i in unsure]))


def stacked(inputs: Inputs, batch_size: int) -> list[npt.NDArray[np.uint8]]:
    """Return a network's inputs as `uint8 [N, H, W, 3]`, N up to `batch_size`."""
    if len(inputs) == 1:  # nothing to copy, which a network of a millisecond would feel
        return [inputs[0][np.newaxis]]
    return [np.stack(inputs[start : start + batch_size]) for start in range(0, len(inputs), batch_size)]
