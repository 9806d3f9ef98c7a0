import json
from dataclasses import FrozenInstanceError, replace

import pytest

from edge_infer.errors import ImageDecodeError
from edge_infer.results import FacePrediction, FailedInput, LabelScore, Prediction, rank

PREDICTION = Prediction("a.jpg", "gems", "gems-slim", rank(("Opal", "Quartz", "Ruby"), (0.2, 0.7, 0.1)), 0.5)


def test_rank_is_best_first() -> None:
    assert PREDICTION.scores == (LabelScore("Quartz", 0.7), LabelScore("Opal", 0.2), LabelScore("Ruby", 0.1))


def test_ties_keep_the_models_order() -> None:
    assert [pair.label for pair in rank("dbca", (0.2, 0.3, 0.3, 0.2))] == ["b", "c", "d", "a"]


@pytest.mark.parametrize("probabilities", [(0.5, 0.5), (0.25, 0.25, 0.25, 0.25)])
def test_rank_needs_a_probability_for_each_label(probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="argument 2"):
        rank("abc", probabilities)


def test_the_answer_is_the_best_class() -> None:
    assert (PREDICTION.label, PREDICTION.score) == ("Quartz", 0.7)


@pytest.mark.parametrize(("min_score", "certain"), [(0.0, True), (0.7, True), (0.7000001, False), (1.0, False)])
def test_certain_means_min_score_is_reached(min_score: float, certain: bool) -> None:
    assert replace(PREDICTION, min_score=min_score).is_certain is certain


@pytest.mark.parametrize(
    ("known", "min_known", "is_known"), [(0.5, 0.5, True), (0.49, 0.5, False), (0.0, 0.0, True), (None, None, True)]
)
def test_known_means_min_known_is_reached_and_without_it_nothing_is_certain(
    known: float | None, min_known: float | None, is_known: bool
) -> None:
    sure = replace(PREDICTION, known=known, min_known=min_known)
    face = FacePrediction((0, 0, 9, 9), 0.9, (), PREDICTION.scores, 0.5, known, min_known)
    assert [answer.is_known for answer in (sure, face)] == [is_known] * 2
    assert [answer.is_certain for answer in (sure, face)] == [is_known] * 2
    assert [replace(answer, min_score=0.71).is_certain for answer in (sure, face)] == [False] * 2


@pytest.mark.parametrize(("k", "labels"), [(1, ["Quartz"]), (2, ["Quartz", "Opal"]), (9, ["Quartz", "Opal", "Ruby"])])
def test_top_gives_the_best_k(k: int, labels: list[str]) -> None:
    assert [pair.label for pair in PREDICTION.top(k)] == labels


@pytest.mark.parametrize("k", [0, -1])
def test_top_needs_a_positive_k(k: int) -> None:
    with pytest.raises(ValueError, match=rf"k >= 1, got {k}"):
        PREDICTION.top(k)


def test_the_record_has_every_field_in_order() -> None:
    assert json.dumps(PREDICTION.to_record()) == (
        '{"source": "a.jpg", "task": "gems", "model": "gems-slim", "label": "Quartz", "score": 0.7, "certain": true, '
        '"scores": [{"label": "Quartz", "score": 0.7}, {"label": "Opal", "score": 0.2}, '
        '{"label": "Ruby", "score": 0.1}]}'
    )


def test_the_record_of_a_frame_says_which_and_when_beside_its_source() -> None:
    record = replace(PREDICTION, source="0", frame=7, time_s=0.25).to_record()
    assert list(record) == ["source", "frame", "time_s", "task", "model", "label", "score", "certain", "scores"]
    assert (record["source"], record["frame"], record["time_s"]) == ("0", 7, 0.25)


def test_known_follows_certain_where_the_model_has_it() -> None:
    record = replace(PREDICTION, known=0.125, min_known=0.5).to_record()
    assert list(record) == ["source", "task", "model", "label", "score", "certain", "known", "is_known", "scores"]
    assert (record["label"], record["certain"], record["known"], record["is_known"]) == ("Quartz", False, 0.125, False)
    face = FacePrediction((0, 0, 9, 9), 0.9, (), PREDICTION.scores, 0.5, 0.75, 0.5).to_record()
    assert list(face) == ["box", "detection_score", "label", "score", "certain", "known", "is_known", "scores"]
    assert (face["certain"], face["known"]) == (True, 0.75)


def test_the_record_may_be_cut_to_the_top() -> None:
    assert PREDICTION.to_record(2)["scores"] == PREDICTION.to_record()["scores"][:2]


def test_a_failure_records_type_and_message() -> None:
    failed = FailedInput(None, ImageDecodeError("b.jpg is damaged"))
    expected = {"source": None, "error": {"type": "ImageDecodeError", "message": "b.jpg is damaged"}}
    assert failed.to_record() == failed.to_record(3) == expected


@pytest.mark.parametrize("record", [PREDICTION, PREDICTION.scores[0], FailedInput("x", ValueError())])
def test_results_cannot_be_changed(record: object) -> None:
    field = type(record).__dataclass_fields__.copy().popitem()[0]
    with pytest.raises(FrozenInstanceError):
        setattr(record, field, 1)
