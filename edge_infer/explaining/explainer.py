"""A model loaded to explain itself, and the way from pictures to explanations."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from edge_infer.engine import Answer, Inputs, Ranking, stacked, with_second_looks
from edge_infer.explaining.attribution import Divided, Reasons
from edge_infer.explaining.explanation import KNOWN_LABEL, ClassMap, Explanation, Method, against_others
from edge_infer.explaining.occlusion import OcclusionSession
from edge_infer.explaining.reading import NotDivisibleError
from edge_infer.explaining.session import Attribution, ExplainedSession
from edge_infer.faces.crops import Region
from edge_infer.faces.detector import Face
from edge_infer.intake import Intake, Loaded
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile
from edge_infer.pictures.loading import ImageSource
from edge_infer.results import FailedInput
from edge_infer.runtime.outputs import Outputs, joined
from edge_infer.settings import Settings


class Explainer:
    """A classifier's network with reasons. Safe to share between threads.

    Args:
        file: The classifier's checked model file.
        intake: Loads the pictures.
        settings: How the network is run.

    Attributes:
        method: How its answers are explained.

    Raises:
        ModelError: The model or the provider cannot be used.
    """

    def __init__(self, file: ModelFile[ClassifierMetadata], intake: Intake, settings: Settings) -> None:
        self._intake, self._ranking = intake, Ranking(file.metadata, settings)
        self._labels = {label: number for number, label in enumerate(file.metadata.labels)}
        self.method: Method = "exact"
        try:
            self._session: ExplainedSession | OcclusionSession = ExplainedSession(file, settings)
        except NotDivisibleError:
            self.method = "occlusion"
            self._session = OcclusionSession(file, settings)

    def explain(
        self, source: ImageSource, labels: Sequence[str], known_faces: Sequence[Face] | None = None
    ) -> Explanation:
        """Classify one picture and explain the answer.

        Args:
            source: The picture.
            labels: Classes to explain; none for the best against the others.
            known_faces: As in `Intake.load`.

        Raises:
            InputError: The picture cannot be read, or lacks the face that it needs.
            ModelOutputError: The model's output is not a probability distribution.
        """
        (explanation,) = self._explain([self._intake.load(source, known_faces)], labels, batch_size=8)
        return explanation

    def explain_batch(
        self, batch: list[ImageSource | FailedInput], labels: Sequence[str], batch_size: int
    ) -> list[Explanation | FailedInput]:
        """Explain pictures, at most `batch_size` network inputs at a time; failures keep their place.

        Raises:
            ModelOutputError: As in `explain`.
        """
        return self._intake.answer_each(batch, lambda loaded: self._explain(loaded, labels, batch_size))

    def _explain(self, batch: list[Loaded], labels: Sequence[str], batch_size: int) -> list[Explanation]:
        if not batch:
            return []
        inputs = [image_rgb for loaded in batch for image_rgb in loaded.inputs]
        runs = [self._session.run(batch_nhwc) for batch_nhwc in stacked(inputs, batch_size)]

        def run(inputs: Inputs) -> Outputs:
            return joined([self._session.run(batch_nhwc)[0] for batch_nhwc in stacked(inputs, batch_size)])

        # A second look has its say in the answer; the maps are those of the whole picture.
        outputs = with_second_looks(joined([outputs for outputs, _ in runs]), batch, self._intake, run)
        attributions = chain.from_iterable(attributions for _, attributions in runs)
        reasons = zip(self._ranking.answers(outputs), attributions, strict=True)
        return [self._explanation(loaded, list(islice(reasons, len(loaded.inputs))), labels) for loaded in batch]

    def _explanation(
        self, loaded: Loaded, reasons: list[tuple[Answer, Attribution]], labels: Sequence[str]
    ) -> Explanation:
        prediction = self._ranking.prediction(loaded, [answer for answer, _ in reasons])
        regions = self._intake.regions(loaded)
        maps = [
            self._maps(answer, attribution.classes, labels, region, loaded.size)
            for (answer, attribution), region in zip(reasons, regions, strict=True)
        ]
        divided = reasons[0][1].known
        known = None if divided is None else _class_map(KNOWN_LABEL, (), divided, 0, regions[0], loaded.size)
        faces = None
        if prediction.faces:
            faces = tuple(maps)
            answered = zip(prediction.faces, maps, strict=True)
            boxed = tuple(replace(face, peak_box=found[0].peak_box) for face, found in answered)
            prediction = replace(prediction, faces=boxed)
        prediction = replace(prediction, peak_box=maps[0][0].peak_box)
        return Explanation(prediction, maps[0], known, self.method, faces)

    def _maps(
        self, answer: Answer, logits: Reasons, labels: Sequence[str], region: Region, size: tuple[int, int]
    ) -> tuple[ClassMap, ...]:
        if not labels:
            best = answer.scores[0].label
            others = tuple(label for label in self._labels if label != best)
            factors = against_others(self._labels[best], len(self._labels))[:, np.newaxis]
            return (_class_map(best, others, logits.weighted(factors), 0, region, size),)
        factors = np.zeros((len(self._labels), len(labels)), np.float32)
        for column, label in enumerate(labels):
            factors[self._labels[label], column] = 1
        divided = logits.weighted(factors)
        return tuple(_class_map(label, (), divided, number, region, size) for number, label in enumerate(labels))


def _class_map(
    label: str, against: tuple[str, ...], divided: Divided, number: int, region: Region, size: tuple[int, int]
) -> ClassMap:
    bias = None if divided.bias is None else float(divided.bias[number])
    return ClassMap(label, against, float(divided.values[number]), bias, divided.cells[number], region, size)
