import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from edge_infer.cli.writers import OutputFormat, make_writer, one_line
from edge_infer.errors import ImageDecodeError
from edge_infer.results import FacePrediction, FailedInput, Prediction, Result, rank

SURE = Prediction("a.jpg", "gems", "slim", rank(("Opal", "Ruby", "Onyx"), (0.04, 0.9512345678901234, 0.01)), 0.5)
UNSURE = Prediction("é, b.jpg", "gems", "slim", rank(("Opal", "Ruby", "Onyx"), (0.4, 0.35, 0.25)), 0.5)
FAILED = FailedInput("c.jpg", ImageDecodeError('c.jpg is "damaged", cut'))
ALL = (SURE, FAILED, UNSURE)
KNOWN = replace(SURE, known=0.75, min_known=0.5)
STRANGE = replace(SURE, source="d.jpg", known=0.1234, min_known=0.5)


def written(output_format: OutputFormat, results: tuple[Result, ...] = ALL, top: int | None = None) -> str:
    stream = io.StringIO()
    with make_writer(output_format, stream, top) as writer:
        for result in results:
            writer.write(result)
    return stream.getvalue()


def test_text() -> None:
    assert written("text") == "a.jpg: Ruby 95.1%\né, b.jpg: uncertain, best guess Opal 40.0%\n"


def test_text_with_the_top() -> None:
    assert written("text", (UNSURE,), 2) == "é, b.jpg: uncertain, best guess Opal 40.0%, Ruby 35.0%\n"


def test_text_says_when_it_is_none_of_the_classes() -> None:
    assert written("text", (KNOWN, STRANGE)) == (
        "a.jpg: Ruby 95.1%\nd.jpg: none of these (known 12.3%), closest Ruby 95.1%\n"
    )
    assert written("text", (STRANGE,), 2) == "d.jpg: none of these (known 12.3%), closest Ruby 95.1%, Opal 4.0%\n"


def test_known_but_uncertain_is_uncertain() -> None:
    assert written("text", (replace(UNSURE, known=0.9, min_known=0.5),)) == (
        "é, b.jpg: uncertain, best guess Opal 40.0%\n"
    )


def test_each_face_may_be_none_of_the_classes() -> None:
    faces = tuple(FacePrediction((0, 0, 9, 9), 0.9, (), SURE.scores, 0.5, known, 0.5) for known in (0.9, 0.2))
    assert written("text", (replace(KNOWN, faces=faces),)) == (
        "a.jpg: 2 faces: Ruby 95.1%; none of these (known 20.0%), closest Ruby 95.1%\n"
    )


def test_json_lines_have_known_after_certain() -> None:
    assert written("jsonl", (STRANGE,), 1) == (
        '{"source": "d.jpg", "task": "gems", "model": "slim", "label": "Ruby", "score": 0.9512345678901234, '
        '"certain": false, "known": 0.1234, "is_known": false, '
        '"scores": [{"label": "Ruby", "score": 0.9512345678901234}]}\n'
    )


def test_csv_has_a_column_known_where_the_model_has_it() -> None:
    stream = io.StringIO()
    with make_writer("csv", stream, 2, has_known=True) as writer:
        for result in (KNOWN, FAILED, STRANGE):
            writer.write(result)
    assert stream.getvalue() == (
        "source,task,model,label,score,certain,known,is_known,label_2,score_2,error_type,error_message\n"
        "a.jpg,gems,slim,Ruby,0.9512345678901234,true,0.75,true,Opal,0.04,,\n"
        'c.jpg,,,,,,,,,,ImageDecodeError,"c.jpg is ""damaged"", cut"\n'
        "d.jpg,gems,slim,Ruby,0.9512345678901234,false,0.1234,false,Opal,0.04,,\n"
    )


def test_json_lines() -> None:
    assert written("jsonl") == (
        '{"source": "a.jpg", "task": "gems", "model": "slim", "label": "Ruby", "score": 0.9512345678901234, '
        '"certain": true, "scores": [{"label": "Ruby", "score": 0.9512345678901234}, '
        '{"label": "Opal", "score": 0.04}, {"label": "Onyx", "score": 0.01}]}\n'
        '{"source": "c.jpg", "error": {"type": "ImageDecodeError", "message": "c.jpg is \\"damaged\\", cut"}}\n'
        '{"source": "é, b.jpg", "task": "gems", "model": "slim", "label": "Opal", "score": 0.4, "certain": false, '
        '"scores": [{"label": "Opal", "score": 0.4}, {"label": "Ruby", "score": 0.35}, '
        '{"label": "Onyx", "score": 0.25}]}\n'
    )


def test_json_is_one_array_of_the_same_records() -> None:
    lines = written("jsonl").splitlines()
    assert written("json") == "[\n" + ",\n".join(lines) + "\n]\n"
    assert json.loads(written("json")) == [result.to_record() for result in ALL]


def test_json_scores_are_cut_to_the_top() -> None:
    (record,) = json.loads(written("json", (SURE,), 2))
    assert [score["label"] for score in record["scores"]] == ["Ruby", "Opal"]


def test_csv() -> None:
    assert written("csv") == (
        "source,task,model,label,score,certain,error_type,error_message\n"
        "a.jpg,gems,slim,Ruby,0.9512345678901234,true,,\n"
        'c.jpg,,,,,,ImageDecodeError,"c.jpg is ""damaged"", cut"\n'
        '"é, b.jpg",gems,slim,Opal,0.4,false,,\n'
    )


def test_csv_with_the_top() -> None:
    assert written("csv", (SURE, FAILED), 2) == (
        "source,task,model,label,score,certain,label_2,score_2,error_type,error_message\n"
        "a.jpg,gems,slim,Ruby,0.9512345678901234,true,Opal,0.04,,\n"
        'c.jpg,,,,,,,,ImageDecodeError,"c.jpg is ""damaged"", cut"\n'
    )


@pytest.mark.parametrize("top", [None, 1, 2, 3, 5])
def test_csv_rows_are_as_wide_as_the_header(top: int | None) -> None:
    header, *rows = csv.reader(io.StringIO(written("csv", ALL, top)))
    assert len(header) == 8 + 2 * ((top or 1) - 1)
    assert [len(row) for row in rows] == [len(header)] * 3
    assert [row[header.index("error_type")] for row in rows] == ["", "ImageDecodeError", ""]


def test_csv_names_survive_a_round_trip() -> None:
    name = 'new\nline, "quoted"; été.jpg'
    rows = list(csv.reader(io.StringIO(written("csv", (FailedInput(name, ValueError(name)),)), newline="")))
    assert (rows[1][0], rows[1][-1]) == (name, name)


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [
        ("text", ""),
        ("json", "[\n]\n"),
        ("jsonl", ""),
        ("csv", "source,task,model,label,score,certain,error_type,error_message\n"),
    ],
)
def test_no_results(output_format: OutputFormat, expected: str) -> None:
    assert written(output_format, ()) == expected


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_json_stays_readable_when_the_run_breaks_off(error: BaseException) -> None:
    def breaks_off() -> None:
        with make_writer("json", stream, None) as writer:
            writer.write(SURE)
            raise error

    stream = io.StringIO()
    with pytest.raises(type(error)):
        breaks_off()
    assert json.loads(stream.getvalue()) == [SURE.to_record()]


@pytest.mark.parametrize("output_format", ["json", "jsonl"])
@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "caf\udce9.jpg"), ("ascii", "été 😀.jpg"), ("cp1252", "日.jpg")]
)
def test_json_escapes_what_the_stream_cannot_carry(output_format: OutputFormat, encoding: str, name: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    with make_writer(output_format, stream, None) as writer:
        writer.write(FailedInput(name, ValueError("x")))
    stream.flush()
    record = json.loads(raw.getvalue().decode("ascii"))
    assert (record if output_format == "jsonl" else record[0])["source"] == name


def test_json_lines_arrive_as_they_are_written() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    with make_writer("jsonl", stream, 1) as writer:
        writer.write(SURE)
        assert json.loads(raw.getvalue())["label"] == "Ruby"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain été 日本 😀.jpg", "plain été 日本 😀.jpg"),
        ("new\nline\r\t.jpg", r"new\nline\r\t.jpg"),
        ("\x1b[31mred\x7f\x9b.jpg", r"\x1b[31mred\x7f\x9b.jpg"),
        ("caf\udce9.jpg", r"caf\udce9.jpg"),
        ("a\u2028b.jpg", r"a\u2028b.jpg"),
    ],
)
def test_text_is_one_line_whatever_the_name(name: str, shown: str) -> None:
    prediction = Prediction(name, "gems", "slim", SURE.scores, 0.5)
    assert one_line(name) == shown
    assert written("text", (prediction,)) == f"{shown}: Ruby 95.1%\n"


def test_every_format_has_a_golden_output_above() -> None:
    assert get_args(OutputFormat) == ("text", "json", "jsonl", "csv")


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http:evil","x").png', "+cmd.png", "-2+3.png", "@SUM(1,2).png", "\t=1.png"]
)
def test_no_cell_is_a_formula_and_a_path_still_names_its_file(name: str) -> None:
    answer = Prediction(name, "gems", "slim", rank(("=1+1", "@x", "-"), (0.9, 0.06, 0.04)), 0.5)
    failed = FailedInput(name, ImageDecodeError(f"{name} is damaged"))
    _, first, second = csv.reader(io.StringIO(written("csv", (answer, failed), 3)))
    assert Path(first[0]) == Path(second[0]) == Path(name)
    assert [cell for cell in (*first, *second) if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert (first[3], first[6], second[-1]) == ("'=1+1", "'@x", f"'{name} is damaged")


def test_standard_input_and_ordinary_names_are_as_they_were() -> None:
    answers = [Prediction(name, "t", "m", rank(("Opal", "b"), (0.9, 0.1)), 0.5) for name in ("-", "a=b.jpg", "bön.png")]
    assert [row[0] for row in csv.reader(io.StringIO(written("csv", tuple(answers))))][1:] == [
        "-",
        "a=b.jpg",
        "bön.png",
    ]
