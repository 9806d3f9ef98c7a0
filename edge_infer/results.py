"""What the classifier answers: frozen records, scores never rounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One class and its probability.

    Attributes:
        label: The class name, as the model file spells it.
        score: Probability in 0–1.
    """

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one picture.

    Attributes:
        source: What was classified: a path, `"-"` for standard input, or None for
            a picture that has no name (bytes, arrays, PIL images).
        task: The model's task, such as `"gems"`.
        model: The model's name.
        scores: Every class, best first; the scores sum to 1.
        min_score: The score in 0–1 under which the answer counts as uncertain.
    """

    source: str | None
    task: str
    model: str
    scores: tuple[LabelScore, ...]
    min_score: float

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.scores[0].label

    @property
    def score(self) -> float:
        """Probability of `label`, in 0–1."""
        return self.scores[0].score

    @property
    def is_certain(self) -> bool:
        """Whether `score` reaches `min_score`."""
        return self.score >= self.min_score

    def top(self, k: int) -> tuple[LabelScore, ...]:
        """Return the `k` most probable classes, best first (all, if there are fewer)."""
        if k < 1:
            raise ValueError(f"top(k) needs k >= 1, got {k}")
        return self.scores[:k]

    def to_record(self, top: int | None = None) -> dict[str, Any]:
        """Return the JSON record of DESIGN's command line, with the `top` best scores or all."""
        shown = self.scores if top is None else self.top(top)
        return {
            "source": self.source,
            "task": self.task,
            "model": self.model,
            "label": self.label,
            "score": self.score,
            "certain": self.is_certain,
            "scores": [{"label": s.label, "score": s.score} for s in shown],
        }


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
