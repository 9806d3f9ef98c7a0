"""The classifier: a photo in, a ranked answer out.

A classifier of faces first looks for them and answers for each; see `edge_infer.faces.detector`
and `edge_infer.faces.crops`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.errors import InputError, NoFaceError
from edge_infer.faces.crops import crop_face
from edge_infer.faces.detector import SCENE_SIDE, Face, FaceDetector
from edge_infer.model_file.metadata import ClassifierMetadata, FaceMode
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from edge_infer.pictures.loading import ImageSource, fit, load_input, load_scene
from edge_infer.pictures.reading import file_name
from edge_infer.results import FacePrediction, FailedInput, LabelScore, Prediction, Result, rank
from edge_infer.runtime.parallel import map_in_order
from edge_infer.runtime.session import CPU_PROVIDER, Session


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


class Classifier:
    """A loaded model that classifies pictures. Safe to share between threads.

    Args:
        model: A bundled name such as `"gems"`, or the path of an `.onnx` file.
        threads: Threads of one inference; None for every core this process may use.
        provider: onnxruntime execution provider, such as `cpu`, `cuda`, `openvino`.
        min_score: Probability in 0–1 under which an answer is uncertain; None for the
            model's own, which was calibrated on its training data.
        max_pixels: Refuse pictures that decode to more pixels than this.
        max_bytes: Refuse larger files.
        faces: For a model of faces: `auto` answers for every face, or for the whole picture if
            there is none; `always` refuses pictures without a face; `never` takes every
            picture for the crop of a face.
        quick_start: For a handful of pictures: load faster, run a little slower.
        spinning: Without it, the threads of an inference sleep while they wait for each other, and leave
            the cores to whatever else has to be done: for a live feed.

    Raises:
        ModelError: The model or the provider cannot be used.
        ValueError: `threads` below 1, `min_score` outside 0–1, an unknown `faces`, or `always` for
            a model that was not made for faces.

    Example:
        >>> classifier = Classifier("gems")
        >>> classifier.classify("photo.jpg").label
        'Amethyst'
    """

    def __init__(
        self,
        model: str | Path,
        *,
        threads: int | None = None,
        provider: str = "cpu",
        min_score: float | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        faces: FaceMode = "auto",
        quick_start: bool = False,
        spinning: bool = True,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be in 0-1, got {min_score}")
        if faces not in get_args(FaceMode):
            raise ValueError(f"faces must be one of {', '.join(get_args(FaceMode))}, got {faces!r}")
        file = open_model(model, ClassifierMetadata)
        if faces == "always" and file.metadata.input.face is None:
            raise ValueError(f"model {file.metadata.name!r} was not made for faces, so faces='always' does not fit it")
        self._session = Session(file, threads=threads, provider=provider, quick_start=quick_start, spinning=spinning)
        self._threads = self._session.threads
        self._single: Classifier | None = None
        self._file = file
        self._metadata = file.metadata
        self._min_score = file.metadata.min_score if min_score is None else min_score
        self._limits = {"max_pixels": max_pixels, "max_bytes": max_bytes}
        self._faces = faces
        self._detector = None
        if faces != "never" and file.metadata.input.face is not None:
            self._detector = FaceDetector(threads=threads, provider=provider, spinning=spinning)

    @property
    def metadata(self) -> ClassifierMetadata:
        """What the model file says of itself."""
        return self._metadata

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return self._metadata.labels

    @property
    def detector(self) -> FaceDetector | None:
        """What finds the faces; None when none are looked for."""
        return self._detector

    def classify(self, source: ImageSource, *, known_faces: Sequence[Face] | None = None) -> Prediction:
        """Classify one picture.

        Args:
            source: A path, bytes, binary file object, PIL image or `uint8 [H, W, 3]` RGB array.
            known_faces: Answer for these, the largest first, instead of looking for faces: those
                followed through a video. In pixels of the upright picture.

        Returns:
            The ranked answer.

        Raises:
            InputError: The picture cannot be read, or shows no face although `faces` is `always`.
            ModelOutputError: The model's output is no probability distribution.
            ValueError: `known_faces` for a model that looks for none.
        """
        if known_faces is not None and self._detector is None:
            raise ValueError("known_faces were given to a classifier that looks for no faces")
        (prediction,) = self._predict([self._load(source, known_faces)], batch_size=8)
        return prediction

    def classify_many(
        self, sources: Iterable[ImageSource | FailedInput], *, batch_size: int = 8, workers: int | None = None
    ) -> Iterator[Result]:
        """Classify many pictures, in order, holding a few batches in memory.

        Several workers answer a batch each, on a core of its own: one decodes while another computes,
        and none waits for the others after every layer, as the threads of one inference do.

        Args:
            sources: Anything `classify` takes, and `FailedInput`s, which keep their
                place in the results; may be a generator. Up to `2 * workers` batches are taken ahead.
            batch_size: Pictures per inference, at least 1.
            workers: Batches worked on at a time; None for as many as this classifier has threads. With
                more than one, a classifier of several threads loads its model once more, for one thread.
                With one, `sources` is asked for a batch only when the one before it was answered.

        Returns:
            An iterator: for each source, its `Prediction`, or a `FailedInput` with the error.

        Raises:
            ValueError: `batch_size` or `workers` below 1.
            TypeError: One path, file or array instead of several.
            ModelOutputError: As in `classify`.
        """
        workers = self._threads if workers is None else workers
        for name, value in (("batch_size", batch_size), ("workers", workers)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if _is_one_source(sources):
            raise TypeError("classify_many takes several sources; use classify for one")
        remaining = iter(sources)
        batches = iter(lambda: list(islice(remaining, batch_size)), [])
        if workers == 1:
            return chain.from_iterable(map(partial(self._answer, batch_size), batches))
        answer = partial(self._for_one_thread()._answer, batch_size)
        return chain.from_iterable(map_in_order(answer, batches, workers))

    def _for_one_thread(self) -> "Classifier":
        """Return this classifier with a thread for each inference: itself, or a copy that is made once."""
        if self._threads == 1 or self._session.provider != CPU_PROVIDER:
            return self
        if self._single is None:
            single = copy(self)
            single._threads = 1
            single._session = Session(self._file, threads=1)
            single._detector = self._detector and FaceDetector(threads=1)
            self._single = single
        return self._single

    def _answer(self, batch_size: int, batch: list[ImageSource | FailedInput]) -> list[Result]:
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
        if self._detector is None:
            whole = load_input(source, spec, **self._limits)
            return _Loaded(name, [whole], faces=None if spec.face is None else ())
        scene = load_scene(source, needed_side=SCENE_SIDE, **self._limits)
        if known_faces is None:
            faces = self._detector.detect_in(scene.image)
        else:
            scale_x, scale_y = scene.scale
            faces = tuple(face.scaled((1 / scale_x, 1 / scale_y)) for face in known_faces)
        if faces:
            crops = [crop_face(scene.image, face, spec) for face in faces]
            return _Loaded(name, crops, tuple(face.scaled(scene.scale) for face in faces))
        if self._faces == "always":
            raise NoFaceError(f"{name or 'the given picture'} shows no face")
        is_portrait = self._detector.suspects_portrait(scene.image)
        return _Loaded(name, [fit(scene.image, spec)], faces=(), shows_subject=is_portrait)

    def _predict(self, batch: list[_Loaded], batch_size: int) -> list[Prediction]:
        """Answer for loaded pictures, however many faces they show, `batch_size` inputs at a time."""
        inputs = [image_rgb for loaded in batch for image_rgb in loaded.inputs]
        rows = [
            row
            for start in range(0, len(inputs), batch_size)
            for row in self._session.run(np.stack(inputs[start : start + batch_size])).tolist()
        ]
        ranked = iter([rank(self._metadata.labels, row) for row in rows])
        return [self._prediction(loaded, list(islice(ranked, len(loaded.inputs)))) for loaded in batch]

    def _prediction(self, loaded: _Loaded, answers: list[tuple[LabelScore, ...]]) -> Prediction:
        meta, faces = self._metadata, None
        if loaded.faces is not None:
            answered = zip(loaded.faces, answers if loaded.faces else (), strict=True)  # the whole picture is no face
            faces = tuple(
                FacePrediction(face.box, face.score, face.landmarks, answer, self._min_score)
                for face, answer in answered
            )
        return Prediction(loaded.source, meta.task, meta.name, answers[0], self._min_score, faces, loaded.shows_subject)


def _is_one_source(sources: object) -> bool:
    """Return whether these are one picture, which could be iterated over: by lines, bytes or rows."""
    if isinstance(sources, np.ndarray):
        return sources.ndim <= 3
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Image.Image):
        return True
    return hasattr(sources, "read")


def _name(source: object) -> str | None:
    """Return a path, or the name of a file object; other pictures have none."""
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else file_name(source)
