"""`edge-infer classify`: forms of its results, what it takes as pictures, options."""

import csv
import io
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from edge_infer import batches, engine
from edge_infer.runtime import parallel
from edge_infer.runtime.session import Session
from tests.edge_infer.cli.conftest import COMMAND, RED_TEXT, RUST, Answer, Run, in_a_process
from tests.edge_infer.conftest import expected_scores
from tests.support.tiny_model import COLOURS, GREYS, write_tiny_model

pytestmark = pytest.mark.usefixtures("folder")


# Formats


def test_a_picture_of_no_class_is_said_to_be_none_of_these(classify: Run, folder: Path) -> None:
    write_tiny_model(folder / "knowing.onnx", min_known=0.6)
    Image.new("RGB", (40, 30), COLOURS["grey"]).save("grey.png")
    scores = expected_scores(COLOURS["grey"])
    known = 1 - sum(scores[name] for name in GREYS)
    arguments = ("red.png", "grey.png", "--model", "knowing.onnx")
    assert classify(*arguments) == (
        0,
        f"red.png: {RED_TEXT}\ngrey.png: none of these (known {known:.1%}), closest grey {scores['grey']:.1%}\n",
        "",
    )
    assert classify(*arguments, "--min-known", "0").out.endswith(f"grey.png: grey {scores['grey']:.1%}\n")
    red, grey = map(json.loads, classify(*arguments, "--format", "jsonl", "--top", "1").out.splitlines())
    assert list(grey) == ["source", "task", "model", "label", "score", "certain", "known", "is_known", "scores"]
    assert (red["certain"], grey["certain"], grey["known"]) == (True, False, pytest.approx(known, abs=1e-5))
    header, *rows = csv.reader(io.StringIO(classify(*arguments, "--format", "csv").out))
    answer = ["source", "task", "model", "label", "score", "certain", "known", "is_known"]
    assert header == [*answer, "error_type", "error_message"]
    assert [(row[5], row[7]) for row in rows] == [("true", "true"), ("false", "false")]
    assert [float(row[6]) for row in rows] == pytest.approx([red["known"], grey["known"]])


def test_text(classify: Run) -> None:
    blue = expected_scores(COLOURS["blue"])["blue"]
    assert classify("red.png", "blue.png") == (0, f"red.png: {RED_TEXT}\nblue.png: blue {blue:.1%}\n", "")


def test_text_marks_uncertain_answers(classify: Run) -> None:
    scores = expected_scores(RUST)
    ranked = f"brown {scores['brown']:.1%}, red {scores['red']:.1%}"
    assert classify("rust.png", "--top", "2", "--min-score", "0.1") == (0, f"rust.png: {ranked}\n", "")
    answer = classify("rust.png", "--top", "2", "--min-score", "0.99")
    assert answer == (0, f"rust.png: uncertain, best guess {ranked}\n", "")


def test_json(classify: Run) -> None:
    answer = classify("red.png", "gone.jpg", "--format", "json", "--top", "1")
    red, gone = json.loads(answer.out)
    assert red == {
        "source": "red.png",
        "task": "colours",
        "model": "colours",
        "label": "red",
        "score": pytest.approx(expected_scores(COLOURS["red"])["red"], abs=1e-5),
        "certain": True,
        "scores": [{"label": "red", "score": red["score"]}],
    }
    assert gone == {
        "source": "gone.jpg",
        "error": {"type": "ImageNotFoundError", "message": "gone.jpg does not exist"},
    }
    assert (answer.code, answer.err) == (1, "Error: gone.jpg does not exist\n")


def test_json_holds_every_class_by_default(classify: Run) -> None:
    (record,) = json.loads(classify("red.png", "--format", "json").out)
    assert sorted(score["label"] for score in record["scores"]) == sorted(COLOURS)
    assert sum(score["score"] for score in record["scores"]) == pytest.approx(1, abs=1e-4)


def test_json_lines_are_the_elements_of_the_array(classify: Run) -> None:
    lines = classify("red.png", "gone.jpg", "blue.png", "--format", "jsonl").out.splitlines()
    array = json.loads(classify("red.png", "gone.jpg", "blue.png", "--format", "json").out)
    assert [json.loads(line) for line in lines] == array


def test_csv(classify: Run) -> None:
    answer = classify("red.png", "gone.jpg", "--format", "csv", "--top", "2")
    header, red, gone = csv.reader(io.StringIO(answer.out))
    assert header == [
        *("source", "task", "model", "label", "score", "certain"), "label_2", "score_2", "error_type", "error_message"
    ]  # fmt: skip
    assert [*red[:4], *red[5:7], *red[8:]] == ["red.png", "colours", "colours", "red", "true", "brown", "", ""]
    assert float(red[4]) == pytest.approx(expected_scores(COLOURS["red"])["red"], abs=1e-5)
    assert gone == ["gone.jpg", *[""] * 7, "ImageNotFoundError", "gone.jpg does not exist"]


@pytest.mark.parametrize("output_format", ["text", "json", "jsonl", "csv"])
def test_output_is_well_formed_when_every_input_fails(classify: Run, output_format: str) -> None:
    Path("empty").mkdir()
    answer = classify("empty", "--format", output_format)
    assert (answer.code, answer.err) == (
        1, "Error: empty holds no pictures (--recursive looks into its sub-folders)\n"
    )  # fmt: skip
    if output_format == "text":
        assert answer.out == ""
    elif output_format == "csv":
        assert [row[0] for row in csv.reader(io.StringIO(answer.out))] == ["source", "empty"]
    else:
        record = json.loads(answer.out)
        assert (record[0] if output_format == "json" else record)["error"]["type"] == "NoImagesError"


# Inputs


def labels(answer: Answer) -> list[str]:
    return [record.get("label", "?") for record in map(json.loads, answer.out.splitlines())]


def test_order_is_kept_across_batches_and_failures(classify: Run) -> None:
    arguments = ("blue.png", "note.jpg", "red.png", "green.png", "gone.jpg", "blue.png", "--batch", "2")
    answer = classify(*arguments, "--format", "jsonl")
    assert labels(answer) == ["blue", "?", "red", "green", "?", "blue"]
    assert answer.err.count("\n") == 2
    assert answer.err.startswith("Error: note.jpg is not a picture this tool reads")


def test_folders_patterns_and_lists_are_expanded(classify: Run) -> None:
    Path("list.txt").write_text("red.png\nblue.png\n", encoding="utf-8")
    Path("note.jpg").unlink()
    assert labels(classify("@list.txt", "g*.png", "--format", "jsonl")) == ["red", "blue", "green"]
    assert labels(classify(".", "--format", "jsonl")) == ["blue", "green", "red", "brown"]


def test_recursive(classify: Run) -> None:
    Path("a/b").mkdir(parents=True)
    Path("red.png").rename("a/b/red.png")
    assert classify("a").code == 1
    assert classify("a", "--recursive").out == f"{Path('a/b/red.png')}: {RED_TEXT}\n"


def test_a_name_with_a_leading_dash_follows_two_dashes(classify: Run) -> None:
    Path("red.png").rename("--top.png")
    assert classify("--", "--top.png").out == f"--top.png: {RED_TEXT}\n"


def test_a_name_with_a_line_end_stays_one_line(classify: Run) -> None:
    Path("red.png").rename("two\nlines.png")
    assert classify("two\nlines.png", "no\nsuch.png") == (
        1, f"two\\nlines.png: {RED_TEXT}\n", "Error: no\\nsuch.png does not exist\n"
    )  # fmt: skip
    (record,) = json.loads(classify("two\nlines.png", "--format", "json").out)
    assert record["source"] == "two\nlines.png"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_standard_input_is_one_picture(tiny_model_path: Path) -> None:
    done = in_a_process("classify", "--model", str(tiny_model_path), "-", input=Path("red.png").read_bytes())
    assert (done.returncode, done.stdout, done.stderr) == (0, f"-: {RED_TEXT}\n".encode(), b"")


@pytest.mark.skipif(shutil.which("yes") is None, reason="needs an endless stream")
@pytest.mark.parametrize(
    ("start", "message"),
    [("", "is not a picture this tool reads"), (r"\377\330\377", "has more bytes than the limit of 5000000: scale")],
)
def test_an_endless_standard_input_is_read_no_further_than_the_limit(
    start: str, message: str, tiny_model_path: Path
) -> None:
    command = " ".join(map(shlex.quote, [*COMMAND, "classify", "--model", str(tiny_model_path)]))
    limit = "--max-bytes 5000000" if start else f"--max-bytes {10**14}"
    script = f"{{ printf '{start}'; yes; }} | {command} {limit} -"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: - {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("limit", [10**14, 2**63, 10**30])
@pytest.mark.parametrize("path", ["red.png", "-"])
def test_limits_beyond_any_picture_are_limits(limit: int, path: str, tiny_model_path: Path) -> None:
    limits = ["--max-bytes", str(limit), "--max-pixels", str(limit)]
    with Path("red.png").open("rb") as stream:
        done = in_a_process("classify", "--model", str(tiny_model_path), *limits, path, stdin=stream)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: {RED_TEXT}\n".encode(), b"")


def test_damaged_exif_says_nothing_on_stderr(tiny_model_path: Path) -> None:
    Image.new("RGB", (40, 30), COLOURS["red"]).save("exif.jpg", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    done = in_a_process("classify", "--model", str(tiny_model_path), "exif.jpg")
    assert (done.returncode, done.stdout[:14], done.stderr) == (0, b"exif.jpg: red ", b"")


# Options


def test_min_score_decides_what_is_certain(classify: Run) -> None:
    score = expected_scores(RUST)["brown"]
    for min_score, certain in ((0, True), (score - 0.01, True), (score + 0.01, False), (1, False)):
        (record,) = json.loads(classify("rust.png", "--format", "json", "--min-score", str(min_score)).out)
        assert record["certain"] is certain


def test_top_may_exceed_the_classes(classify: Run) -> None:
    assert classify("red.png", "--top", "99").out.count("%") == len(COLOURS)
    header, _ = csv.reader(classify("red.png", "--format", "csv", "--top", "100000000").out.splitlines())
    assert header[-4:] == [f"label_{len(COLOURS)}", f"score_{len(COLOURS)}", "error_type", "error_message"]


def test_what_a_folder_holds_besides_is_noted(classify: Run) -> None:
    Path("d").mkdir()
    for name in ("red.png", "blue.png"):
        Path(name).rename(f"d/{name}")
    Path("d/IMG_1.HEIC").touch()
    code, out, err = classify("d")
    assert (code, len(out.splitlines())) == (0, 2)
    assert err == "Note: d: 1 HEIC file is left out (d/IMG_1.HEIC): convert to JPEG or PNG to use them\n"


def test_names_on_standard_input_are_answered_as_they_come(tiny_model_path: Path) -> None:
    command = [*COMMAND, "classify", "--model", tiny_model_path, "@-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        for name in ("red", "blue"):
            process.stdin.write(f"{name}.png\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(f"{name}.png: {name} ")
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    "options", [["--threads", "1"], ["--provider", "cpu"], ["--batch", "256"], ["--faces", "never"]]
)
def test_options_of_the_runtime_change_no_answer(classify: Run, options: list[str]) -> None:
    assert classify("red.png", *options) == (0, f"red.png: {RED_TEXT}\n", "")


def session_options(classify: Run, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, object]:
    seen: dict[str, object] = {}
    monkeypatch.setattr("edge_infer.classifier.Classifier", lambda model, **options: seen.update(options) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        classify(*arguments)
    return seen


def test_the_options_of_a_session_reach_it(classify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("red.png", "--threads", "3", "--provider", "openvino", "--min-score", "0.25")
    arguments += ("--min-known", "0.75", "--second-look", "always")
    seen = session_options(classify, monkeypatch, *arguments)
    limits = {"max_pixels": 50_000_000, "max_bytes": 100_000_000}
    expected = {
        "threads": 3,
        "provider": "openvino",
        "min_score": 0.25,
        "min_known": 0.75,
        "faces": "auto",
        "second_look": "always",
        "rotate": 0,
        "quick_start": True,
    }
    assert seen == expected | limits | {"quick_start": True}


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (
            "--max-pixels=1199",
            "red.png has 40x30 pixels, more than the limit of 1199: scale it down, or raise max_pixels",
        ),
        ("--max-bytes=90", "red.png has more bytes than the limit of 90: scale the picture down first"),
    ],
)
def test_limits_of_pictures_are_options(classify: Run, limit: str, message: str) -> None:
    assert classify("red.png", limit) == (1, "", f"Error: {message}\n")


def test_the_limits_hold_for_annotated_copies_too(classify: Run) -> None:
    Image.new("RGB", (800, 600), COLOURS["red"]).save("red.jpg")  # decoded at a quarter to be classified
    answer = classify("red.jpg", "--max-pixels=30000", "--save-annotated", "drawn")
    assert (answer.code, answer.out[:13]) == (1, "red.jpg: red ")
    message = "red.jpg has 800x600 pixels, more than the limit of 30000: scale it down, or raise max_pixels"
    assert answer.err == f"Error: {message}\n"


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The options of every session that is built."""
    built: list[dict[str, object]] = []
    monkeypatch.setattr(engine, "Session", lambda file, **options: built.append(options) or Session(file, **options))
    return built


@pytest.mark.parametrize(("pictures", "quick_start"), [(4, True), (5, False)])
def test_a_handful_of_pictures_starts_quickly(
    classify: Run, sessions: list[dict[str, object]], pictures: int, quick_start: bool
) -> None:
    classify(*["red.png"] * pictures)
    (options,) = sessions
    assert options["quick_start"] is quick_start


@pytest.mark.parametrize(
    ("pictures", "arguments", "threads", "workers"),
    [(4, [], 6, 1), (4, ["--threads", "3"], 3, 1), (5, [], 1, 6), (5, ["--threads", "3"], 1, 3)],
)
def test_many_pictures_are_answered_side_by_side(
    classify: Run,
    sessions: list[dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    pictures: int,
    arguments: list[str],
    threads: int,
    workers: int,
) -> None:
    monkeypatch.setattr("edge_infer.runtime.cpus.affinity_cpus", lambda: 6)
    monkeypatch.setattr("edge_infer.runtime.cpus.cpu_quota", lambda: None)
    seen = {"workers": 1}
    monkeypatch.setattr(batches, "map_in_order", lambda *a: seen.update(workers=a[-1]) or parallel.map_in_order(*a))
    assert classify(*["red.png"] * pictures, *arguments).out == f"red.png: {RED_TEXT}\n" * pictures
    assert seen["workers"] == workers
    (options,) = sessions  # the model is loaded once
    assert options["threads"] == threads


def test_a_second_look_is_averaged_also_where_it_is_explained(classify: Run, folder: Path) -> None:
    picture = Image.new("RGB", (80, 80), COLOURS["red"])
    picture.paste(COLOURS["blue"], (20, 20, 60, 60))
    picture.save("ring.png")
    picture.crop((20, 20, 60, 60)).save("middle.png")
    whole, middle, both = (
        {each["label"]: each["score"] for each in json.loads(classify(*arguments, "--format", "jsonl").out)["scores"]}
        for arguments in (("ring.png",), ("middle.png",), ("ring.png", "--second-look", "always"))
    )
    assert both["blue"] == pytest.approx((whole["blue"] + middle["blue"]) / 2, abs=1e-3)
    assert both["blue"] > whole["blue"] + 0.05
    explained = json.loads(classify("ring.png", "--second-look", "always", "--explain", "why", "--format", "jsonl").out)
    assert {each["label"]: each["score"] for each in explained["scores"]} == pytest.approx(both, abs=1e-6)
