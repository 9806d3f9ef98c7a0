"""How the command line ends: exit codes, one line for an error, and streams that fail."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from tests.edge_infer.cli.conftest import COMMAND, RED_TEXT, Run, in_a_process
from tests.edge_infer.conftest import WriteModel

pytestmark = pytest.mark.usefixtures("folder")


# Exit codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'PATH...'"),
        (["red.png", "--top", "0"], "0 is not in the range x>=1"),
        (["red.png", "--min-score", "1.5"], "1.5 is not in the range 0<=x<=1"),
        (["red.png", "--min-score", "nan"], "nan is not in the range 0<=x<=1"),
        (["red.png", "--min-known", "-0.1"], "-0.1 is not in the range 0<=x<=1"),
        (["red.png", "--min-known", "0.5"], "model 'colours' cannot say that a picture shows none of its classes"),
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
    assert unpunctuated(message) in unpunctuated(answer.err.splitlines()[-1])


def unpunctuated(message: str) -> str:
    """Drop what differs between releases of click: `No such option: --nope`, `No such option '--nope'`."""
    return message.translate(str.maketrans("", "", "':"))


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
        (["--model", "a" * 300], f"Error: model file {'a' * 300} cannot be read: File name too long"),
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


@pytest.mark.parametrize("output_format", ["text", "json", "jsonl", "csv"])
def test_a_model_that_cannot_be_loaded_leaves_nothing(run: Run, write_model: WriteModel, output_format: str) -> None:
    path = write_model(lambda model: model.graph.initializer.pop())
    arguments = ["red.png", "--format", output_format, "--save-annotated", "drawn"]
    answer = run("classify", "--model", str(path), *arguments)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith(f"Error: {path}: onnxruntime refuses it: ")
    assert not Path("drawn").exists()


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


def test_a_face_detector_is_no_classifier(run: Run) -> None:
    answer = run("classify", "red.png", "--task", "faces")
    assert answer.code == 3
    assert "is a face detector, where a classifier is needed" in answer.err


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
    expected = b"Error: - is empty" if path == "-" else b""
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


def test_nothing_is_collected_at_the_end() -> None:
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 1000)); "
        "sys.argv = ['edge-infer', '--version']; from edge_infer.__main__ import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "True", "")


def test_a_standard_input_that_cannot_be_read_is_one_failure(tiny_model_path: Path) -> None:
    with Path(os.devnull).open("wb") as not_readable:
        done = in_a_process("classify", "--model", str(tiny_model_path), "-", stdin=not_readable)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.splitlines()[0] == b"Error: - cannot be read: Bad file descriptor"
