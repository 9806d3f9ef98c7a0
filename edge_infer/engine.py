"""A model loaded for a number of threads, and a picture's way through it: load, find faces, run, rank.

A model of faces answers for each face that is found; see `edge_infer.faces.detector` and
`edge_infer.faces.crops`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_infer.errors import InputError, NoFaceError
from edge_infer.faces.crops import crop_face
from edge_infer.faces.detector import SCENE_SIDE, Face, FaceDetector
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile
from edge_infer.pictures.loading import ImageSource, fit, load_input, load_scene
from edge_infer.pictures.reading import file_name
from edge_infer.results import FacePrediction, FailedInput, LabelScore, Prediction, Result, rank
from edge_infer.runtime.session import Session
from edge_infer.settings import Settings


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A picture on its way through the network.

    Attributes:
        source: As in `Prediction`.
        inputs: What the network is shown of it, `uint8 [H, W, 3]` each.
        faces: Whose faces these are; empty for the whole picture, None for other models.
        shows_subject: As in `Prediction`.
    """

    source: str | None
    inputs: list[npt.NDArray[np.uint8]]
    faces: tuple[Face, ...] | None = None
    shows_subject: bool = True


class _Answer(NamedTuple):
    """What `Prediction` and `FacePrediction` say alike, in their order."""

    scores: tuple[LabelScore, ...]
    min_score: float
    known: float | None
    min_known: float | None


class Engine:
    """A classifier's network, with the face detector if it needs one. Safe to share between threads.

    Args:
        file: The classifier's checked model file.
        settings: How it is run.

    Attributes:
        detector: Finds the faces; None when none are looked for.

    Raises:
        ModelError: The model, the detector or the provider cannot be used.
    """

    def __init__(self, file: ModelFile[ClassifierMetadata], settings: Settings) -> None:
        self._metadata = file.metadata
        self._session = Session(
            file,
            threads=settings.threads,
            provider=settings.provider,
            quick_start=settings.quick_start,
            spinning=settings.spinning,
        )
        self.detector: FaceDetector | None = None
        if settings.faces != "never" and file.metadata.input.face is not None:
            self.detector = FaceDetector(
                threads=settings.threads, provider=settings.provider, spinning=settings.spinning
            )
        self._needs_face = settings.faces == "always"
        self._min_score = file.metadata.min_score if settings.min_score is None else settings.min_score
        self._min_known = file.metadata.min_known if settings.min_known is None else settings.min_known
        self._loading = {
            "max_pixels": settings.max_pixels,
            "max_bytes": settings.max_bytes,
            "rotate": settings.rotate,
        }

    def classify(self, source: ImageSource, known_faces: Sequence[Face] | None = None) -> Prediction:
        """Classify one picture.

        Args:
            source: The picture.
            known_faces: In pixels of the upright picture: answer for these instead of looking for faces.

        Raises:
            InputError: The picture cannot be read, or lacks the face that it needs.
            ModelOutputError: The model's output is no probability distribution.
        """
        (prediction,) = self._predict([self._load(source, known_faces)], batch_size=8)
        return prediction

    def classify_batch(self, batch: list[ImageSource | FailedInput], batch_size: int) -> list[Result]:
        """Classify pictures, at most `batch_size` network inputs at a time; failures keep their place.

        Raises:
            ModelOutputError: As in `classify`.
        """
        loaded = [self._try_to_load(source) for source in batch]
        answered = iter(self._predict([item for item in loaded if isinstance(item, _Loaded)], batch_size))
        return [item if isinstance(item, FailedInput) else next(answered) for item in loaded]

    def _try_to_load(self, source: ImageSource | FailedInput) -> _Loaded | FailedInput:
        if isinstance(source, FailedInput):
            return source
        try:
            return self._load(source)
        except InputError as error:
            return FailedInput(_name(source), error)

    def _load(self, source: ImageSource, known_faces: Sequence[Face] | None = None) -> _Loaded:
        spec, name = self._metadata.input, _name(source)
        if self.detector is None:
            whole = load_input(source, spec, **self._loading)
            return _Loaded(name, [whole], faces=None if spec.face is None else ())
        scene = load_scene(source, needed_side=SCENE_SIDE, **self._loading)
        if known_faces is None:
            faces = self.detector.detect_in(scene.image)
        else:
            scale_x, scale_y = scene.scale
            faces = tuple(face.scaled((1 / scale_x, 1 / scale_y)) for face in known_faces)
        if faces:
            crops = [crop_face(scene.image, face, spec) for face in faces]
            return _Loaded(name, crops, tuple(face.scaled(scene.scale) for face in faces))
        if self._needs_face:
            raise NoFaceError(f"{name or 'the given picture'} shows no face")
        is_portrait = self.detector.suspects_portrait(scene.image)
        return _Loaded(name, [fit(scene.image, spec)], faces=(), shows_subject=is_portrait)

    def _predict(self, batch: list[_Loaded], batch_size: int) -> list[Prediction]:
        """Answer for loaded pictures, however many faces they show, `batch_size` inputs at a time."""
        inputs = [image_rgb for loaded in batch for image_rgb in loaded.inputs]
        answers = iter(
            [
                answer
                for start in range(0, len(inputs), batch_size)
                for answer in self._run(np.stack(inputs[start : start + batch_size]))
            ]
        )
        return [self._prediction(loaded, list(islice(answers, len(loaded.inputs)))) for loaded in batch]

    def _run(self, batch_nhwc: npt.NDArray[np.uint8]) -> list[_Answer]:
        outputs = self._session.run(batch_nhwc)
        known = [None] * len(batch_nhwc) if outputs.known is None else outputs.known.tolist()
        return [
            _Answer(rank(self._metadata.labels, row), self._min_score, sure, self._min_known)
            for row, sure in zip(outputs.probabilities.tolist(), known, strict=True)
        ]

    def _prediction(self, loaded: _Loaded, answers: list[_Answer]) -> Prediction:
        meta, faces = self._metadata, None
        if loaded.faces is not None:
            answered = zip(loaded.faces, answers if loaded.faces else (), strict=True)  # the whole picture is no face
            faces = tuple(FacePrediction(face.box, face.score, face.landmarks, *answer) for face, answer in answered)
        return Prediction(
            loaded.source, meta.task, meta.name, *answers[0], faces=faces, shows_subject=loaded.shows_subject
        )


def _name(source: object) -> str | None:
    """Return a path, or the name of a file object; other pictures have none."""
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else file_name(source)
