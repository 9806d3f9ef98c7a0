"""`edge-infer report`: a page from a folder, what failed, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.cli import main
from tests.edge_infer.cli.conftest import Answer
from tests.support.pooled_model import coloured_pictures, write_pooled_model
from tests.support.tiny_model import write_tiny_model


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_pooled_model(tmp_path / "small.onnx", min_known=0.5)
    for number, picture in enumerate(coloured_pictures(6)):
        place = tmp_path / "photos" / ("amber", "beryl", "loose")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number}.png")
    return tmp_path / "photos"


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    with pytest.raises(SystemExit) as exit_:
        main.main(["report", *arguments])
    captured = capsys.readouterr()
    return Answer(exit_.value.code, captured.out, captured.err)


def data_of(path: Path) -> dict[str, object]:
    text = path.read_text(encoding="utf-8")
    return json.loads(text.partition('<script id="data" type="application/json">')[2].partition("</script>")[0])


def test_a_folder_becomes_a_page(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(capsys, "photos", "--out", "report.html", "--model", "small.onnx")
    note = "Note: 1 folder(s) named for no class, whose photos are neither right nor wrong: loose"
    assert answer == (0, "", f"{note}\nreport.html: 6 pictures, 0 failed\n")
    data = data_of(Path("report.html"))
    assert (data["title"], data["model"], data["labels"]) == ("photos", "small 1.0.0", ["amber", "beryl", "coral"])
    assert data["failures"] == []
    assert {entry["name"]: entry["truth"] for entry in data["entries"]} == {
        "amber/0.png": "amber",
        "amber/3.png": "amber",
        "beryl/1.png": "beryl",
        "beryl/4.png": "beryl",
        "loose/2.png": None,
        "loose/5.png": None,
    }
    for entry in data["entries"]:
        assert Path(entry["link"]).is_file()
        assert (entry["map"]["width"], entry["map"]["height"]) == (24, 18)
    again = report(capsys, "photos", "--out", "report.html", "--model", "small.onnx")
    assert again.code == 0


def test_what_fails_is_listed_and_the_rest_reported(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "broken.jpg").write_bytes(b"no picture")
    answer = report(capsys, "photos", "--out", "report.html", "--model", "small.onnx")
    assert answer.code == 1
    assert answer.err.startswith("Error: ")
    assert answer.err.endswith("report.html: 6 pictures, 1 failed\n")
    ((name, reason),) = data_of(Path("report.html"))["failures"]
    assert name.endswith("broken.jpg")
    assert "broken.jpg" in reason


def test_a_model_without_divisible_head_gives_a_page_without_maps(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_model(Path("colours.onnx"))
    answer = report(capsys, "photos", "--out", "report.html", "--model", "colours.onnx")
    assert answer.code == 0
    assert answer.err.startswith("Note: this model's answers can only be explained by covering parts of each picture")
    assert {entry["map"] for entry in data_of(Path("report.html"))["entries"]} == {None}


def test_nothing_to_report_is_an_error_and_writes_nothing(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    answer = report(capsys, "empty", "--out", "report.html", "--model", "small.onnx")
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert answer.err.endswith(": there is nothing to report\n")
    (Path("empty") / "broken.jpg").write_bytes(b"no picture")
    answer = report(capsys, "empty", "--out", "report.html", "--model", "small.onnx")
    assert answer.code == 1
    assert answer.err.endswith("no picture in empty could be answered: there is nothing to report\n")
    assert not Path("report.html").exists()


def test_the_limits_of_pictures_are_options(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ("--out", "report.html", "--model", "small.onnx")
    answer = report(capsys, "photos", *told, "--max-pixels", "1")
    assert answer.code == 1
    assert answer.err.count("more than the limit of 1: scale it down, or raise max_pixels\n") == 6
    assert report(capsys, "photos", *told, "--max-bytes", "10").err.count("more bytes than the limit of 10") == 6


def test_a_file_that_is_not_a_report_is_kept(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.html").write_text("<p>mine</p>")
    answer = report(capsys, "photos", "--out", "mine.html", "--model", "small.onnx")
    assert (answer.code, answer.err) == (1, "Error: mine.html exists and is not a report: give another --out\n")
    assert Path("mine.html").read_text() == "<p>mine</p>"


def test_folders_named_as_other_arguments_are_folders(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos.rename("-")
    assert report(capsys, "--out", "report.html", "--model", "small.onnx", "--", "-").code == 0
    assert np.array([entry["truth"] is None for entry in data_of(Path("report.html"))["entries"]]).sum() == 2
