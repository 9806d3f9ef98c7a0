"""What the classifier answers: frozen records, scores never rounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STDIN = "-"  # what a picture on standard input is called


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One class and its probability.

    Attributes:
        label: The class name, as the model file spells it.
        score: Probability in 0–1.
    """

    label: str
    score: float


class _Ranked:
    """What can be read off ranked scores."""

    __slots__ = ()
    scores: tuple[LabelScore, ...]
    min_score: float
    known: float | None
    min_known: float | None
    peak_box: tuple[float, float, float, float] | None

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.scores[0].label

    @property
    def score(self) -> float:
        """Probability of `label`, in 0–1."""
        return self.scores[0].score

    @property
    def is_known(self) -> bool:
        """Whether `known` reaches `min_known`; true of a model that does not say. Otherwise: none of these."""
        return self.known is None or self.min_known is None or self.known >= self.min_known

    @property
    def is_certain(self) -> bool:
        """Whether `score` reaches `min_score`, and `known` `min_known`."""
        return self.is_known and self.score >= self.min_score

    def top(self, k: int) -> tuple[LabelScore, ...]:
        """Return the `k` most probable classes, best first (all, if there are fewer)."""
        if k < 1:
            raise ValueError(f"top(k) needs k >= 1, got {k}")
        return self.scores[:k]

    def _answer_record(self, top: int | None) -> dict[str, Any]:
        shown = self.scores if top is None else self.top(top)
        return {
            "label": self.label,
            "score": self.score,
            "certain": self.is_certain,
            **({} if self.known is None else {"known": self.known, "is_known": self.is_known}),
            **({} if self.peak_box is None else {"peak_box": list(self.peak_box)}),
            "scores": [{"label": s.label, "score": s.score} for s in shown],
        }


@dataclass(frozen=True, slots=True)
class FacePrediction(_Ranked):
    """The answer for one face in a picture.

    Attributes:
        box: Left, top, right, bottom in pixels of the upright picture.
        detection_score: The detector's confidence that this is a face, 0–1.
        landmarks: As in `edge_infer.faces.detector.Face`.
        scores: Every class, best first; the scores sum to 1.
        min_score: The score in 0–1 under which the answer counts as uncertain.
        known: As in `Prediction`.
        min_known: As in `Prediction`.
        is_clear: As in `edge_infer.faces.detector.Face`. Without it no score makes an answer certain.
        peak_box: As in `Prediction`.
    """

    box: tuple[float, float, float, float]
    detection_score: float
    landmarks: tuple[tuple[float, float], ...]
    scores: tuple[LabelScore, ...]
    min_score: float
    known: float | None = None
    min_known: float | None = None
    is_clear: bool = True
    peak_box: tuple[float, float, float, float] | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the face is clear, `score` reaches `min_score`, and `known` `min_known`."""
        return self.is_clear and self.is_known and self.score >= self.min_score

    def to_record(self, top: int | None = None) -> dict[str, Any]:
        """Return the JSON record of a face, with the `top` best scores or all."""
        return {"box": list(self.box), "detection_score": self.detection_score, **self._answer_record(top)}


@dataclass(frozen=True, slots=True)
class Prediction(_Ranked):
    """The answer for one picture; for a model of faces, that for the largest face.

    Attributes:
        source: What was classified: a path, `"-"` for standard input, or None for
            a picture that has no name (bytes, arrays, PIL images).
        task: The model's task, such as `"gems"`.
        model: The model's name.
        scores: Every class, best first; the scores sum to 1.
        min_score: The score in 0–1 under which the answer counts as uncertain.
        faces: For a model of faces, the largest first; empty when the whole picture was
            classified. None for other models.
        shows_subject: Whether the picture shows what the model is made for at all. Without it
            no score makes an answer certain.
        frame: Of a picture from a camera or video: its number, from 0; dropped ones count.
        time_s: When it was taken, seconds from the first frame.
        known: How sure the model is that the picture shows any of its classes at all, in 0–1; None
            for a model that does not say.
        min_known: The `known` in 0–1 under which the picture counts as none of the classes.
        peak_box: Of an explained answer: left, top, right, bottom around the place that speaks most for `label`, in
            pixels of the upright picture (`edge_infer.explaining`).
    """

    source: str | None
    task: str
    model: str
    scores: tuple[LabelScore, ...]
    min_score: float
    faces: tuple[FacePrediction, ...] | None = None
    shows_subject: bool = True
    frame: int | None = None
    time_s: float | None = None
    known: float | None = None
    min_known: float | None = None
    peak_box: tuple[float, float, float, float] | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the picture shows the subject, and clearly, `score` reaches `min_score`, and `known` `min_known`."""
        is_clear = self.faces[0].is_clear if self.faces else True
        return self.shows_subject and is_clear and self.is_known and self.score >= self.min_score

    def to_record(self, top: int | None = None) -> dict[str, Any]:
        """Return the JSON record of the command line, with the `top` best scores or all."""
        when = {} if self.frame is None else {"frame": self.frame, "time_s": self.time_s}
        record = {"source": self.source, **when, "task": self.task, "model": self.model, **self._answer_record(top)}
        if self.faces is not None:
            record["faces"] = [face.to_record(top) for face in self.faces]
        return record


@dataclass(frozen=True, slots=True)
class FailedInput:
    """An input that could not be answered.

    Attributes:
        source: As in `Prediction`.
        error: The typed error, ready to be raised.
    """

    source: str | None
    error: Exception

    def to_record(self, top: int | None = None) -> dict[str, Any]:
        """Return the JSON error record; `top` is accepted so that all results share one call."""
        del top
        return {
            "source": self.source,
            "error": {"type": type(self.error).__name__, "message": str(self.error)},
        }


Result = Prediction | FailedInput


def rank(labels: Sequence[str], probabilities: Sequence[float]) -> tuple[LabelScore, ...]:
    """Pair labels with probabilities (same order, same length), best first.

    Ties keep the model's label order, so an answer does not depend on the sort.
    """
    pairs = [LabelScore(label, score) for label, score in zip(labels, probabilities, strict=True)]
    return tuple(sorted(pairs, key=lambda pair: -pair.score))
