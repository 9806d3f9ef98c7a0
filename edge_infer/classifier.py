"""The classifier: a photo in, a ranked answer out.

`edge_infer.engine` is a picture's way through the network, `edge_infer.batches` that of many pictures, one after the
other or side by side; `edge_infer.explaining` says where the network looked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_infer.batches import Answered, Batch, answer_in_batches
from edge_infer.engine import Engine
from edge_infer.faces.detector import Face, FaceDetector
from edge_infer.faces.mode import FaceMode
from edge_infer.intake import Intake
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile, open_model
from edge_infer.model_file.registry import bundled_models
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from edge_infer.pictures.loading import ImageSource
from edge_infer.results import FailedInput, Prediction, Result
from edge_infer.runtime.cpus import available_cpus
from edge_infer.runtime.session import CPU_PROVIDER, find_provider
from edge_infer.second_look import SecondLook
from edge_infer.settings import Settings

if TYPE_CHECKING:  # imported when it is first asked for
    from edge_infer.explaining.explainer import Explainer
    from edge_infer.explaining.explanation import Explanation, Method


class Classifier:
    """A loaded model that classifies pictures. Safe to share between threads, and may be pickled.

    Args:
        model: A bundled name such as `"gems"`, or the path of an `.onnx` file.
        threads: Threads of one inference; None for every core this process may use.
        provider: onnxruntime execution provider, such as `cpu`, `cuda`, `openvino`.
        min_score: Probability in 0–1 under which an answer is uncertain; None for the
            model's own, which was calibrated on its training data.
        min_known: `Prediction.known` in 0–1 under which a picture shows none of the classes, and no answer
            is certain; None for the model's own.
        max_pixels: Refuse pictures that decode to more pixels than this.
        max_bytes: Refuse larger files.
        rotate: Turn each picture clockwise by so many degrees (0, 90, 180 or 270) before anything else is
            done with it, for a camera that is mounted on its side: after its EXIF orientation. Boxes and
            landmarks are then those of the turned picture.
        faces: For a model of faces: `auto` answers for every face, or for the whole picture if
            there is none; `always` refuses pictures without a face; `never` takes every
            picture for the crop of a face.
        quick_start: For a handful of pictures: load faster, run a little slower. onnxruntime loads the
            model with the first call, as suits the number of pictures, and refuses it then if it must.
        second_look: Whether to look at the middle of a picture too and average the two answers, which finds what is
            small in it and takes twice the time: `auto` as the model asks for, where the first answer is uncertain;
            `always` for every picture; `never`.
        spinning: Without it, the threads of an inference sleep while they wait for each other, and leave
            the cores to whatever else has to be done: for a live feed.

    Raises:
        ModelError: The model or the provider cannot be used.
        ValueError: `threads` outside 1–1024, `max_pixels` or `max_bytes` below 1, `min_score` or `min_known` outside
            0–1, `rotate` by no quarters, an unknown `faces` or `second_look`; `faces="always"` for a model that was
            not made for faces, `second_look="always"` for one that was, or `min_known` for one that does not say
            whether it knows a picture.
        TypeError: `threads`, `max_pixels` or `max_bytes` is not a whole number.

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
        min_known: float | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        rotate: int = 0,
        faces: FaceMode = "auto",
        quick_start: bool = False,
        spinning: bool = True,
        second_look: SecondLook = "auto",
    ) -> None:
        self._settings = Settings(
            threads=threads,
            provider=provider,
            min_score=min_score,
            min_known=min_known,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            rotate=rotate,
            faces=faces,
            quick_start=quick_start,
            spinning=spinning,
            second_look=second_look,
        )
        self._file = open_model(model, ClassifierMetadata)
        is_for_faces = self.metadata.input.face is not None
        if faces == "always" and not is_for_faces:
            raise ValueError(f"model {self.metadata.name!r} was not made for faces, so faces='always' does not fit it")
        if second_look == "always" and is_for_faces:
            raise ValueError(f"model {self.metadata.name!r} looks at faces, so second_look='always' does not fit it")
        if min_known is not None and self.metadata.min_known is None:
            raise ValueError(
                f"model {self.metadata.name!r} cannot say that a picture shows none of its classes, "
                "so min_known does not fit it"
            )
        # What its copy in another process, perhaps in another folder, opens.
        self._model = model if str(model) in bundled_models() else self._file.path.absolute()
        self._finds_faces = is_for_faces and faces != "never"
        looks = "never" if second_look == "auto" and self.metadata.second_look is None else second_look
        self._for_few = replace(
            self._settings, threads=available_cpus() if threads is None else threads, second_look=looks
        )
        # Another provider's session computes on a device that all workers share.
        is_on_cpu = find_provider(provider) == CPU_PROVIDER
        self._for_many = replace(self._for_few, threads=1 if is_on_cpu else self._for_few.threads, quick_start=False)
        self._intakes: dict[Settings, Intake] = {}
        self._engines: dict[Settings, Engine] = {}
        self._explainers: dict[Settings, Explainer] = {}
        if not quick_start:
            self._engine(self._for_few)

    def __reduce__(self) -> tuple[Callable[..., "Classifier"], tuple[Any, ...]]:
        """Pickle what the classifier was asked for: its copy opens the model file anew."""
        return partial(type(self), self._model, **asdict(self._settings)), ()

    @property
    def metadata(self) -> ClassifierMetadata:
        """What the model file says of itself."""
        return self._file.metadata

    @property
    def file(self) -> ModelFile[ClassifierMetadata]:
        """The model file, as it was read."""
        return self._file

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return self.metadata.labels

    @property
    def detector(self) -> FaceDetector | None:
        """What finds the faces; None when none are looked for."""
        return self._intake(self._for_few).detector if self._finds_faces else None

    @property
    def method(self) -> "Method":
        """How `explain` finds its reasons: `exact`, or `occlusion` for a head that cannot be divided over places."""
        return self._explainer(self._for_few).method

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
            ModelOutputError: The model's output is not a probability distribution.
            ValueError: `known_faces` for a model that looks for none.
        """
        self._check_known_faces(known_faces)
        return self._engine(self._for_few).classify(source, known_faces)

    def explain(
        self,
        source: ImageSource,
        label: str | Sequence[str] | None = None,
        *,
        known_faces: Sequence[Face] | None = None,
    ) -> "Explanation":
        """Classify one picture and say how much each place speaks for the answer.

        The first call loads the model once more, with the maps of its last layers as further outputs. The file
        stays as it is, and `classify` costs what it did. If a second look has its say in the answer, the
        maps are still those of the whole picture, for the class that was answered. See docs/explain.md for what a map
        says and what not.

        Args:
            source: As in `classify`.
            label: A class to explain, or several; None for the best class against the mean of the others.
            known_faces: As in `classify`.

        Returns:
            The answer with a map for each class that was asked for.

        Raises:
            InputError: As in `classify`.
            ModelOutputError: As in `classify`.
            ValueError: A label that the model does not have, or `known_faces` as in `classify`.

        Example:
            >>> explanation = Classifier("gems").explain("photo.jpg")
            >>> explanation.prediction.label, explanation.maps[0].peak_box
            ('Amethyst', (103.1, 87.5, 240.6, 212.5))
        """
        self._check_known_faces(known_faces)
        labels = self._labels_of(label)
        return self._explainer(self._for_few).explain(source, labels, known_faces)

    def explain_many(
        self,
        sources: Iterable[ImageSource | FailedInput],
        label: str | Sequence[str] | None = None,
        *,
        batch_size: int = 8,
        workers: int | None = None,
    ) -> "Iterator[Explanation | FailedInput]":
        """Explain many pictures, in order, as `classify_many` classifies them.

        Args:
            sources: As in `classify_many`.
            label: As in `explain`.
            batch_size: As in `classify_many`.
            workers: As in `classify_many`.

        Returns:
            An iterator: for each source, its `Explanation`, or a `FailedInput` with the error.

        Raises:
            ValueError: As in `explain` and `classify_many`.
            TypeError: As in `classify_many`.
            ModelOutputError: As in `classify`.
        """
        labels = self._labels_of(label)

        def answers_with(settings: Settings) -> Callable[[Batch], "list[Explanation | FailedInput]"]:
            return partial(self._explainer(settings).explain_batch, labels=labels, batch_size=batch_size)

        return self._in_batches(sources, answers_with, batch_size, workers, "explain")

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
            workers: Batches worked on at a time; None for one if `sources` has a length of at most
                `edge_infer.batches.FEW_PICTURES`, and otherwise for as many as this classifier has threads. With
                more than one, a classifier of several threads loads its model once more, for one thread.
                With one, `sources` is asked for a batch only when the one before it was answered.

        Returns:
            An iterator: for each source, its `Prediction`, or a `FailedInput` with the error.

        Raises:
            ValueError: `batch_size` or `workers` below 1.
            TypeError: One path, file or array instead of several.
            ModelOutputError: As in `classify`.
        """

        def answers_with(settings: Settings) -> Callable[[Batch], list[Result]]:
            return partial(self._engine(settings).classify_batch, batch_size=batch_size)

        return self._in_batches(sources, answers_with, batch_size, workers, "classify")

    def _in_batches(
        self,
        sources: Iterable[ImageSource | FailedInput],
        answers_with: Callable[[Settings], Callable[[Batch], list[Answered]]],
        batch_size: int,
        workers: int | None,
        verb: str,
    ) -> Iterator[Answered]:
        few, many = self._for_few, self._for_many
        return answer_in_batches(
            sources, answers_with, few=few, many=many, batch_size=batch_size, workers=workers, verb=verb
        )

    def _check_known_faces(self, known_faces: Sequence[Face] | None) -> None:
        if known_faces is not None and not self._finds_faces:
            raise ValueError("known_faces were given to a classifier that looks for no faces")

    def _labels_of(self, label: str | Sequence[str] | None) -> tuple[str, ...]:
        labels = () if label is None else (label,) if isinstance(label, str) else tuple(label)
        for name in labels:
            if name not in self.labels:
                raise ValueError(
                    f"model {self.metadata.name!r} has no class {name!r} (it has: {', '.join(self.labels)})"
                )
        return labels

    def _intake(self, settings: Settings) -> Intake:
        if settings not in self._intakes:
            self._intakes[settings] = Intake(self.metadata, settings)
        return self._intakes[settings]

    def _engine(self, settings: Settings) -> Engine:
        """Return the engine for these settings, which is loaded when it is first asked for."""
        if settings not in self._engines:
            self._engines[settings] = Engine(self._file, self._intake(settings), settings)
        return self._engines[settings]

    def _explainer(self, settings: Settings) -> "Explainer":
        """Return what explains with these settings, which is loaded when it is first asked for."""
        from edge_infer.explaining.explainer import Explainer

        if settings not in self._explainers:
            self._explainers[settings] = Explainer(self._file, self._intake(settings), settings)
        return self._explainers[settings]
