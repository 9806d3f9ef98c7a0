import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pytest
from onnx import ModelProto
from PIL import Image

import edge_infer
from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.classifier import Classifier
from edge_infer.cli.main import cli, main
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from tests.edge_infer.conftest import WriteModel, expected_scores
from tests.support.tiny_model import COLOURS, METADATA, write_tiny_model

RUST = (160, 60, 60)  # between brown and red
RED_TEXT = f"red {expected_scores(COLOURS['red'])['red']:.1%}"
COMMAND = [sys.executable, "-m", "edge_infer"]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture of every colour."""
    monkeypatch.chdir(tmp_path)
    for name in ("red", "blue", "green"):
        Image.new("RGB", (40, 30), COLOURS[name]).save(f"{name}.png")
    Image.new("RGB", (40, 30), RUST).save("rust.png")
    Path("note.jpg").write_text("no picture")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        return Answer(stopped.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def classify(run: Run, tiny_model_path: Path) -> Run:
    return lambda *arguments: run("classify", "--model", str(tiny_model_path), *arguments)


def in_a_process(*arguments: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, check=False, **options)


# Formats


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
    seen = session_options(classify, monkeypatch, *arguments)
    limits = {"max_pixels": 50_000_000, "max_bytes": 100_000_000}
    expected = {"threads": 3, "provider": "openvino", "min_score": 0.25, "faces": "auto", "quick_start": True}
    assert seen == expected | limits


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("--max-pixels=1199", "red.png has 40x30 pixels, more than the limit of 1199: scale it down first"),
        ("--max-bytes=90", "red.png has more bytes than the limit of 90: scale the picture down first"),
    ],
)
def test_limits_of_pictures_are_options(classify: Run, limit: str, message: str) -> None:
    assert classify("red.png", limit) == (1, "", f"Error: {message}\n")


def test_the_limits_hold_for_annotated_copies_too(classify: Run) -> None:
    Image.new("RGB", (800, 600), COLOURS["red"]).save("red.jpg")  # decoded at a quarter to be classified
    answer = classify("red.jpg", "--max-pixels=30000", "--save-annotated", "drawn")
    assert (answer.code, answer.out[:13]) == (1, "red.jpg: red ")
    assert answer.err == "Error: red.jpg has 800x600 pixels, more than the limit of 30000: scale it down first\n"


@pytest.mark.parametrize(("pictures", "quick_start"), [(4, True), (5, False)])
def test_a_handful_of_pictures_starts_quickly(
    classify: Run, monkeypatch: pytest.MonkeyPatch, pictures: int, quick_start: bool
) -> None:
    assert session_options(classify, monkeypatch, *["red.png"] * pictures)["quick_start"] is quick_start


def test_nothing_is_collected_at_the_end() -> None:
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 1000)); "
        "sys.argv = ['edge-infer', '--version']; from edge_infer.__main__ import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "True", "")


@pytest.mark.parametrize(
    ("pictures", "arguments", "threads", "workers"),
    [(4, [], None, 1), (4, ["--threads", "3"], 3, 1), (5, [], 1, 6), (5, ["--threads", "3"], 1, 3)],
)
def test_many_pictures_are_answered_side_by_side(
    classify: Run,
    monkeypatch: pytest.MonkeyPatch,
    pictures: int,
    arguments: list[str],
    threads: int | None,
    workers: int,
) -> None:
    monkeypatch.setattr("edge_infer.runtime.cpus.affinity_cpus", lambda: 6)
    monkeypatch.setattr("edge_infer.runtime.cpus.cpu_quota", lambda: None)
    seen: dict[str, object] = {}
    answer_many = Classifier.classify_many
    monkeypatch.setattr(
        Classifier,
        "classify_many",
        lambda self, *a, **options: seen.update(options) or answer_many(self, *a, **options),
    )
    assert classify(*["red.png"] * pictures, *arguments).out == f"red.png: {RED_TEXT}\n" * pictures
    assert seen["workers"] == workers
    assert session_options(classify, monkeypatch, *["red.png"] * pictures, *arguments)["threads"] == threads


# Exit codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'PATH...'"),
        (["red.png", "--top", "0"], "0 is not in the range x>=1"),
        (["red.png", "--min-score", "1.5"], "1.5 is not in the range 0<=x<=1"),
        (["red.png", "--min-score", "nan"], "nan is not in the range 0<=x<=1"),
        (["red.png", "--batch", "0"], "0 is not in the range"),
        (["red.png", "--threads", "0"], "0 is not in the range"),
        (["red.png", "--format", "xml"], "'xml' is not one of 'text', 'json', 'jsonl', 'csv'"),
        (["red.png", "--nope"], "No such option '--nope'"),
        (["red.png", "--faces", "always"], "model 'colours' was not made for faces"),
    ],
)
def test_wrong_usage_is_exit_code_2(classify: Run, arguments: list[str], message: str) -> None:
    answer = classify(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert message.replace("'", "") in answer.err.splitlines()[-1].replace("'", "")


@pytest.mark.parametrize("arguments", [[], ["models"]])
def test_no_command_shows_the_help(run: Run, arguments: list[str]) -> None:
    answer = run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "Commands:" in answer.err


def test_an_unknown_command_is_exit_code_2(run: Run) -> None:
    answer = run("clasify", "red.png")
    assert (answer.code, answer.out) == (2, "")
    assert "No such command 'clasify'" in answer.err


@pytest.mark.parametrize("output_format", ["text", "json"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "gone.onnx"], "Error: model file gone.onnx does not exist"),
        (["--model", ""], "Error: no bundled model is named ''"),
        (["--task", "gemz"], "Error: no bundled model is named 'gemz'"),
        (["--model", "note.jpg"], "Error: note.jpg: not a"),
        (["--provider", "tpu"], "Error: provider 'tpu' is not available in this onnxruntime (it has: "),
    ],
)
def test_an_unusable_model_or_provider_is_exit_code_3(
    run: Run, tiny_model_path: Path, options: list[str], message: str, output_format: str
) -> None:
    if "--provider" in options:
        options = [*options, "--model", str(tiny_model_path)]
    answer = run("classify", "red.png", "--format", output_format, *options)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith(message)
    assert answer.err.count("\n") == 1


def test_a_model_that_answers_nonsense_is_exit_code_3(run: Run, write_model: WriteModel) -> None:
    def poison(model: ModelProto) -> None:
        model.graph.initializer[1].raw_data = np.full(11, np.nan, np.float32).tobytes()

    answer = run("classify", "red.png", "--format", "json", "--model", str(write_model(poison)))
    message = "Error: the model's output is not a probability distribution: the file is damaged\n"
    assert (answer.code, json.loads(answer.out), answer.err) == (3, [], message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_an_interrupt_is_exit_code_130(tiny_model_path: Path) -> None:
    os.mkfifo("list")
    arguments = [*COMMAND, "classify", "--model", str(tiny_model_path), "@list"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process, Path("list").open("wb"):  # waits until the command has opened it, and keeps it waiting
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, b"", b"Interrupted.")


def test_an_interrupted_json_run_leaves_an_array(classify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object, sources: list[str], **_: object) -> Iterator[object]:
        yield self.classify(sources[0])
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_infer.classifier.Classifier.classify_many", interrupted)
    answer = classify("red.png", "blue.png", "--format", "json")
    assert answer.code == 130
    assert [record["label"] for record in json.loads(answer.out)] == ["red"]
    assert answer.err.strip() == "Interrupted."


# Streams


@pytest.mark.parametrize("output_format", ["text", "json", "csv"])
def test_a_reader_that_left_is_no_traceback(tiny_model_path: Path, output_format: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["classify", "--model", str(tiny_model_path), "red.png", "--format", output_format]
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run([*COMMAND, *arguments], stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("output_format", ["text", "jsonl"])
def test_a_full_disk_is_one_line(tiny_model_path: Path, output_format: str) -> None:
    arguments = ["classify", "--model", str(tiny_model_path), "red.png", "--format", output_format]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    message = b"Error: the results cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("redirection", "path", "code"), [(">&-", "red.png", 0), ("<&-", "-", 1), (">&- 2>&-", "gone.jpg", 1)]
)
def test_closed_streams_are_no_traceback(tiny_model_path: Path, redirection: str, path: str, code: int) -> None:
    script = f'exec "$@" {redirection}'
    arguments = ["sh", "-c", script, "sh", *COMMAND, "classify", "--model", str(tiny_model_path), path]
    done = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    expected = b"Error: - is not a picture this tool reads" if path == "-" else b""
    assert (done.returncode, done.stdout, done.stderr[: len(expected)]) == (code, b"", expected)
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize(
    ("output_format", "start"),
    [("text", rb"caf\udce9.png: red "), ("json", b'[\n{"source": "caf\\udce9.png"'), ("csv", b"source,")],
)
def test_a_name_that_is_not_utf_8_is_answered(
    tiny_model_path: Path, output_format: str, start: bytes, locale: str
) -> None:
    name = b"caf\xe9.png"
    Path("red.png").rename(os.fsdecode(name))
    environment = os.environ | {"LC_ALL": locale}
    arguments = ("classify", "--model", str(tiny_model_path), "--format", output_format, name)
    done = in_a_process(*arguments, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(start)
    assert done.stdout.decode("ascii")  # escaped, not raw
    if output_format == "json":
        assert os.fsencode(json.loads(done.stdout)[0]["source"]) == name


def test_an_ascii_terminal_gets_escapes(tiny_model_path: Path) -> None:
    Path("red.png").rename("été.png")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    arguments = ("classify", "--model", str(tiny_model_path), "été.png", "--format")
    assert in_a_process(*arguments, "text", env=environment).stdout == rb"\xe9t\xe9.png: " + RED_TEXT.encode() + b"\n"
    assert json.loads(in_a_process(*arguments, "json", env=environment).stdout)[0]["source"] == "été.png"


# Models


def test_models_show(run: Run, tiny_model_path: Path) -> None:
    size = f"{tiny_model_path.stat().st_size / 1e6:.2f}"
    assert run("models", "show", str(tiny_model_path)) == (
        0,
        "name:         colours 1.0.0 (task colours)\n"
        f"file:         {tiny_model_path}, {size} MB, fp32\n"
        f"labels:       {', '.join(COLOURS)}\n"
        "input:        uint8 [N, 32, 32, 3] RGB, stretch with bilinear filter\n"
        f"certain from: score {METADATA.min_score:.3f} (temperature 1.000)\n"
        "recipe:       drawn by tests/support/tiny_model.py\n"
        f"architecture: {METADATA.architecture}\n"
        "ONNX:         opset 17, IR version 8\n"
        "licence:      MIT\n",
        "",
    )


def test_models_show_json_is_the_metadata(run: Run, tiny_model_path: Path) -> None:
    assert run("models", "show", "--json", str(tiny_model_path)) == (0, METADATA.to_json() + "\n", "")


def test_models_show_of_nothing_is_exit_code_3(run: Run) -> None:
    assert run("models", "show", "gone.onnx") == (3, "", "Error: model file gone.onnx does not exist\n")


def test_models_list_puts_only_models_on_stdout(run: Run) -> None:
    from edge_infer.model_file.registry import bundled_models

    answer = run("models", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == list(bundled_models())
    assert bool(answer.err) is not bool(bundled_models())


# Help


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


ALL_COMMANDS = dict(commands())


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command_and_option(run: Run, path: tuple[str, ...], option: str) -> None:
    command = ALL_COMMANDS[path]
    answer = run(*path, option)
    assert (answer.code, answer.err) == (0, "")
    assert command.help.split("\n")[0] in answer.out
    for name in getattr(command, "commands", {}):
        assert f"\n  {name} " in answer.out
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert all(name in answer.out for name in parameter.opts)
        else:
            assert parameter.make_metavar(click.Context(command)) in answer.out


def test_the_commands_are_those_documented() -> None:
    assert {" ".join(path) for path in ALL_COMMANDS} >= {"", "classify", "models", "models list", "models show"}
    options = {name for parameter in ALL_COMMANDS["classify",].params for name in parameter.opts}
    assert options == {
        *("paths", "--task", "--model", "--top", "--min-score", "--format", "--batch", "--threads", "--provider"),
        *("--faces", "--save-annotated", "--max-pixels", "--max-bytes", "--recursive"),
    }


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"edge-infer, version {edge_infer.__version__}\n", "")


@pytest.fixture(scope="session")
def skin_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of faces: it names their colour."""
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    return write_tiny_model(tmp_path_factory.mktemp("model") / "skin.onnx", name="skin", task="skin", input=spec)


@pytest.fixture
def classify_faces(run: Run, skin_model_path: Path) -> Run:
    picture_with_faces((640, 480), [(200, 60, 240)]).save("one.png")
    picture_with_faces((640, 480), [(30, 100, 150), (300, 40, 260)]).save("two.png")
    return lambda *arguments: run("classify", "--model", str(skin_model_path), *arguments)


def test_faces_as_text(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "two.png", "blue.png", "--min-score", "0.3")
    one, two, blue = answer.out.splitlines()
    assert re.fullmatch(r"one\.png: pink \d\d\.\d%", one)
    assert re.fullmatch(r"two\.png: 2 faces: pink \d\d\.\d%; pink \d\d\.\d%", two)
    assert re.fullmatch(r"blue\.png: uncertain, best guess blue 100\.0% \(no face found\)", blue)
    assert (answer.code, answer.err) == (0, "")


def test_faces_as_json(classify_faces: Run) -> None:
    two, blue = json.loads(classify_faces("two.png", "blue.png", "--format", "json", "--top", "1").out)
    assert [face["label"] for face in two["faces"]] == ["pink", "pink"]
    assert two["faces"][0]["box"][0] > 250
    assert (blue["faces"], blue["certain"], blue["label"]) == ([], False, "blue")


def test_a_picture_without_a_face_fails_when_one_was_asked_for(classify_faces: Run) -> None:
    answer = classify_faces("blue.png", "one.png", "--faces", "always")
    assert answer.code == 1
    assert answer.err == "Error: blue.png shows no face\n"
    assert answer.out.startswith("one.png: ")


def test_annotated_copies_are_saved(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "blue.png", "note.jpg", "--save-annotated", "drawn")
    assert answer.code == 1  # of note.jpg
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["blue-annotated.jpg", "one-annotated.jpg"]
    with Image.open("drawn/one-annotated.jpg") as copy, Image.open("one.png") as original:
        difference = np.abs(np.asarray(copy, int) - np.asarray(original, int)).max(axis=-1)
    assert 0.002 < (difference > 60).mean() < 0.2


def test_a_copy_that_cannot_be_written_ends_the_run_with_one_line(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "--save-annotated", "blue.png/drawn")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "Error: folder blue.png/drawn cannot be created: Not a directory\n"


def test_a_copy_that_fails_does_not_stop_the_others(classify_faces: Run) -> None:
    Image.new("RGB", (70_000, 2)).save("wide.png")  # no JPEG is so wide
    answer = classify_faces("wide.png", "one.png", "--save-annotated", "drawn")
    assert answer.code == 1
    assert answer.err.startswith("Error: drawn/wide-annotated.jpg cannot be written: ")
    assert [path.name for path in Path("drawn").iterdir()] == ["one-annotated.jpg"]
    assert len(answer.out.splitlines()) == 2


def test_a_face_detector_is_no_classifier(run: Run) -> None:
    answer = run("classify", "red.png", "--task", "faces")
    assert answer.code == 3
    assert "is a face detector, where a classifier is needed" in answer.err


def test_a_bundled_detector_can_be_shown(run: Run) -> None:
    answer = run("models", "show", "faces")
    assert answer.code == 0
    assert "longer side 448" in answer.out
    assert "not for:" in answer.out
    assert json.loads(run("models", "show", "faces", "--json").out)["kind"] == "face_detector"
