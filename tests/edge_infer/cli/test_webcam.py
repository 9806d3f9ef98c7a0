"""`edge-infer webcam` as a user runs it: real videos, a real stream, signals, exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from PIL import Image

import edge_infer
from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.cli.main import main
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.webcam import opencv
from edge_infer.webcam.camera import devices
from tests.edge_infer.cli.conftest import Answer, Run
from tests.edge_infer.webcam.camera.test_videos import served
from tests.edge_infer.webcam.conftest import read_clip, wait_until, write_clip
from tests.support.tiny_model import COLOURS, write_tiny_model

COMMAND = [sys.executable, "-m", "edge_infer", "webcam"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    return tmp_path


@pytest.fixture
def clip(folder: Path) -> Path:
    """30 red frames, then 30 blue ones, at 30 frames per second."""
    return write_clip(folder / "clip.avi", [(205, 30, 40)] * 30 + [(40, 60, 200)] * 30)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tiny_model_path: Path) -> Run:
    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as stopped:
            main(["webcam", "--model", str(tiny_model_path), *arguments])
        return Answer(stopped.value.code or 0, *capfd.readouterr())

    return run


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tiny_model_path: Path) -> Iterator[Start]:
    """Start the command in a process of its own, and end it if the test does not."""
    started: list[subprocess.Popen[str]] = []
    root = Path(edge_infer.__file__).parents[1]

    def start(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*COMMAND, "--model", str(tiny_model_path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_networks_leave_the_cores_to_the_feed_while_they_wait(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr("edge_infer.classifier.Classifier", lambda model, **options: seen.update(options) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["webcam", "--model", "any.onnx", "--source", str(clip), "--no-display", "--threads", "3"])
    assert seen == {
        "threads": 3,
        "provider": "cpu",
        "min_score": None,
        "min_known": None,
        "spinning": False,
        "second_look": "never",
    }


def test_json_lines_are_classifys_with_frame_and_time(run: Run, clip: Path) -> None:
    answer = run("--source", str(clip), "--every-frame", "--jsonl", "-", "--smoothing", "0", "--top", "2")
    records = [json.loads(line) for line in answer.out.splitlines()]
    assert (answer.code, answer.err) == (0, "60 frames answered, 0 dropped, 0 bad, 0 camera faults\n")
    assert [record["frame"] for record in records] == list(range(60))
    assert [record["time_s"] for record in records] == pytest.approx([i / 30 for i in range(60)])
    assert [record["label"] for record in records] == ["red"] * 30 + ["blue"] * 30
    first = records[0]
    assert list(first) == ["source", "frame", "time_s", "task", "model", "label", "score", "certain", "scores"]
    assert (first["source"], first["task"], first["certain"], len(first["scores"])) == (str(clip), "colours", True, 2)


def test_frames_of_no_class_are_recorded_with_their_known(run: Run, folder: Path) -> None:
    write_tiny_model(folder / "knowing.onnx", min_known=0.6)
    clip = write_clip(folder / "clip.avi", [COLOURS["red"]] * 3 + [COLOURS["grey"]] * 3)
    options = ("--every-frame", "--jsonl", "-", "--smoothing", "0", "--model", "knowing.onnx")
    records = [json.loads(line) for line in run("--source", str(clip), *options).out.splitlines()]
    assert [record["certain"] for record in records] == [True] * 3 + [False] * 3
    assert [record["known"] for record in records] == pytest.approx([1] * 3 + [0] * 3, abs=0.05)
    certain = [
        json.loads(line)["certain"]
        for line in run("--source", str(clip), *options, "--min-known", "0").out.splitlines()
    ]
    assert certain == [True] * 6


def test_json_lines_are_appended_to_a_file(run: Run, clip: Path) -> None:
    for _ in range(2):
        assert run("--source", str(clip), "--every-frame", "--frames", "5", "--jsonl", "out.jsonl").code == 0
    assert [json.loads(line)["frame"] for line in Path("out.jsonl").read_text().splitlines()] == [*range(5)] * 2


@pytest.mark.slow
def test_a_video_plays_at_its_own_speed(run: Run, clip: Path) -> None:
    began = time.monotonic()
    assert run("--source", str(clip), "--no-display").code == 0
    assert 2.0 <= time.monotonic() - began < 6


@pytest.mark.slow
def test_a_video_by_url_ends_when_it_ends(run: Run, clip: Path) -> None:
    answer = run("--source", f"file://{clip}", "--every-frame", "--jsonl", "-")
    assert (answer.code, answer.err) == (0, "60 frames answered, 0 dropped, 0 bad, 0 camera faults\n")
    assert json.loads(answer.out.splitlines()[0])["source"] == f"file://{clip}"
    with served(clip.read_bytes()) as url:
        answer = run("--source", f"{url}.avi", "--jsonl", "-")
    assert (answer.code, answer.err.split(", ")[-1]) == (0, "0 camera faults\n")
    assert json.loads(answer.out.splitlines()[-1])["time_s"] == pytest.approx(59 / 30)


def test_a_folder_of_frames_is_answered_and_recorded(run: Run, folder: Path) -> None:
    (folder / "frames").mkdir()
    for number in range(6):
        Image.new("RGB", (64, 48), (205, 30, 40)).save(folder / "frames" / f"{number}.png")
    (folder / "frames" / "6.png").write_text("no picture")
    answer = run("--source", "frames", "--fps", "20", "--every-frame", "--record", "out.mp4")
    assert answer == (0, "", "Recording: out.mp4\n6 frames answered, 0 dropped, 1 bad, 0 camera faults\n")
    assert len(read_clip(folder / "out.mp4")) == 6


def test_what_a_folder_of_frames_holds_besides_is_noted(run: Run, folder: Path) -> None:
    (folder / "frames").mkdir()
    (folder / "frames" / "1.heic").touch()
    answer = run("--source", "frames", "--no-display")
    left_out = "1 HEIC file is left out (frames/1.heic): convert to JPEG or PNG to use them"
    assert (answer.code, answer.err) == (4, f"Error: folder frames holds no pictures; {left_out}\n")
    Image.new("RGB", (64, 48), (205, 30, 40)).save(folder / "frames" / "2.png")
    answer = run("--source", "frames", "--every-frame", "--no-display")
    assert (answer.code, answer.err.splitlines()[0]) == (0, f"Note: frames: {left_out}")


@pytest.mark.slow
def test_a_turned_camera_is_set_upright_for_answers_boxes_and_recordings(run: Run, folder: Path) -> None:
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    skin = write_tiny_model(folder / "skin.onnx", name="skin", task="skin", input=spec, min_score=0.3)
    picture = picture_with_faces((240, 320), [(60, 120, 110)])
    boxes = {}
    for degrees, name in ((0, "upright"), (90, "left"), (180, "down"), (270, "right")):
        (folder / name).mkdir()
        for i in range(3):
            picture.rotate(degrees, expand=True).save(folder / name / f"{i}.png")  # against the clock
        rotate = ["--rotate", str(degrees)] if degrees else []
        answer = run(
            "--source", name, "--every-frame", "--jsonl", "-", "--record", f"{name}.avi", "--model", str(skin), *rotate
        )
        boxes[name] = [face["box"] for face in json.loads(answer.out.splitlines()[-1])["faces"]]
        assert {frame.shape for frame in read_clip(folder / f"{name}.avi")} == {(320, 240, 3)}
    assert len(boxes["upright"]) == 1
    assert all(found == boxes["upright"] for found in boxes.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "7"], "there is no camera 7 (/dev/video7 does not exist)"),
        (["--source", "gone.mp4"], "'gone.mp4' is neither a camera number nor a video, folder or URL that exists"),
        (["--source", "note.mp4"], "note.mp4 is not a video that OpenCV can read"),
        (["--source", "a" * 300], f"{'a' * 300} cannot be read: File name too long"),
        (["--source", "/dev/v4l/by-id/gone"], "there is no camera /dev/v4l/by-id/gone"),
        (["--source", "."], "folder . holds no pictures"),
        (["--source", "rtsp://me:secret@127.0.0.1:9/1"], "rtsp://127.0.0.1:9/1 cannot be opened"),
    ],
)
def test_a_source_that_is_not_there_is_exit_4_and_one_line(run: Run, arguments: list[str], message: str) -> None:
    Path("note.mp4").write_text("no video")
    answer = run(*arguments, "--no-display")
    assert (answer.code, answer.out) == (4, "")
    assert answer.err.startswith(f"Error: {message}")
    assert answer.err.count("\n") == 1
    assert "secret" not in answer.err


def test_a_camera_that_is_not_there_is_reported_in_under_3_seconds(start: Start) -> None:
    began = time.monotonic()
    out, err = (process := start("--source", "99", "--http", "0")).communicate(timeout=30)
    assert time.monotonic() - began < 3
    assert (process.returncode, out) == (4, "")
    assert "there is no camera 99" in err


@pytest.mark.slow
def test_a_stream_that_never_answers_is_reported_in_under_3_seconds(start: Start) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        process = start("--source", f"http://127.0.0.1:{silent.getsockname()[1]}/a.mjpg", "--no-display")
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 3
    assert process.returncode == 4
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no display was found for a window"),
        (["--no-display", "--width", "640"], "--width is for a camera, and clip.avi is a video"),
        (
            ["--no-display", "--source", "http://a/b", "--every-frame"],
            "--every-frame is for a video or folder, and http://a/b is a stream",
        ),
        (["--no-display", "--source", "0", "--loop"], "--loop is for a video or folder, and 0 is a camera"),
        (["--http", "nowhere"], "give HOST:PORT"),
        (["--http", "127.0.0.1:99999"], "give HOST:PORT"),
        (["--http", "0", "--allow-host", "http://cam.lan"], "'http://cam.lan' is not a host name"),
        (["--no-display", "--allow-host", "cam.lan"], "--allow-host is for the page, which --http serves"),
        (["--record", "out.webm"], "a recording is a file that ends in .mp4 or .avi"),
        (["--seconds", "nan"], "nan is not in the range"),
        (["--rotate", "45"], "'45' is not one of '90', '180', '270'"),
        (["--timeout", "0"], "0.0 is not in the range"),
        (["--no-display", "--task", "gender"], "--task gender, but"),
    ],
)
def test_options_that_cannot_be_followed_are_exit_2(run: Run, clip: Path, arguments: list[str], message: str) -> None:
    answer = run("--source", clip.name, *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert message in " ".join(answer.err.split())


def test_a_port_that_is_taken_is_exit_2(run: Run, clip: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        answer = run("--source", clip.name, "--http", port)
    assert answer.code == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use." in answer.err


def test_outputs_that_cannot_be_written_are_exit_1(run: Run, clip: Path) -> None:
    assert run("--source", clip.name, "--jsonl", "gone/a.jsonl")[::2] == (
        1,
        "Error: gone/a.jsonl cannot be written: No such file or directory\n",
    )
    answer = run("--source", clip.name, "--record", "gone/a.mp4")
    assert answer.code == 1
    assert answer.err.startswith("Error: gone/a.mp4 cannot be recorded")


def test_a_model_that_is_not_there_is_exit_3(run: Run, clip: Path) -> None:
    answer = run("--source", clip.name, "--no-display", "--model", "gone.onnx")
    assert (answer.code, answer.err) == (3, "Error: model file gone.onnx does not exist\n")


def test_without_opencv_one_line_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opencv.load_cv2.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    answer = run("--no-display")
    assert answer == (4, "", "Error: OpenCV, which reads cameras, is missing: pip install 'edge-infer[webcam]'\n")


@pytest.mark.parametrize("function", ["utils.logging.setLogLevel", "setLogLevel"], ids=["OpenCV 5", "OpenCV 4.12"])
def test_opencv_is_silent_wherever_it_keeps_its_log_level(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    levels: list[int] = []
    cv2 = SimpleNamespace(utils=SimpleNamespace(), setNumThreads=lambda _: None)
    if function == "setLogLevel":
        cv2.setLogLevel = levels.append
    else:
        cv2.utils.logging = SimpleNamespace(setLogLevel=levels.append)
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    monkeypatch.delenv("OPENCV_LOG_LEVEL", raising=False)
    opencv.load_cv2.cache_clear()
    opencv.load_cv2()
    opencv.load_cv2.cache_clear()
    assert levels == [0]


def test_a_missing_system_library_is_named(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    opencv.load_cv2.cache_clear()

    class Broken:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    answer = run("--no-display")
    assert answer.code == 4
    assert "OpenCV cannot be loaded (libGL.so.1: cannot open shared object file)" in answer.err


def test_the_cameras_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(devices, "DEVICES", folder)
    assert run("--list") == (0, "", "No camera can be opened here.\n")
    found = [devices.CameraInfo(0, "Desk\x1b camera", 640, 480, 30.0), devices.CameraInfo(2, "", 1280, 720, 0.0)]
    monkeypatch.setattr(devices, "list_cameras", lambda: iter(found))
    assert run("--list") == (0, "0  Desk\\x1b camera, 640x480, 30 fps\n2  camera, 1280x720\n", "")


def test_a_page_for_everybody_comes_with_a_warning(run: Run, clip: Path) -> None:
    answer = run("--source", clip.name, "--frames", "2", "--http", "0.0.0.0:0")
    assert answer.code == 0
    watch, warning, *_ = answer.err.splitlines()
    assert watch.startswith("Watch at http://0.0.0.0:")
    assert warning == "Whoever can reach this machine can watch, record and take snapshots there."


def test_the_page_can_be_given_another_name(start: Start, clip: Path) -> None:
    process = start(
        "--source", str(clip), "--loop", "--http", "0", "--allow-host", "cam.example.org", "--allow-host", "b"
    )
    page = process.stderr.readline().removeprefix("Watch at ").strip()
    for name, status in (("cam.example.org", 200), ("b:80", 200), ("c", 403)):
        with closing(HTTPConnection(page.split("/")[2], timeout=10)) as connection:
            connection.request("GET", "/state.json", headers={"Host": name})
            assert connection.getresponse().status == status


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "last"), [(signal.SIGTERM, 0, "faults"), (signal.SIGINT, 130, "Interrupted.")]
)
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_signal_ends_it_in_under_2_seconds_with_a_recording_that_can_be_played(
    start: Start, clip: Path, folder: Path, number: int, code: int, last: str, suffix: str
) -> None:
    process = start("--source", str(clip), "--loop", "--record", f"out{suffix}", "--http", "0", "--jsonl", "out.jsonl")
    jsonl = folder / "out.jsonl"
    wait_until(lambda: jsonl.exists() and jsonl.read_text().count("\n") > 20, 30)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 2
    assert (process.returncode, out) == (code, "")
    assert err.strip().endswith(last)
    assert len(read_clip(folder / f"out{suffix}")) > 15
    assert all(json.loads(line)["task"] == "colours" for line in jsonl.read_text().splitlines())


def test_a_reader_of_the_records_who_leaves_ends_it(start: Start, clip: Path, folder: Path) -> None:
    process = start("--source", str(clip), "--loop", "--jsonl", "-", "--record", "out.mp4")
    assert json.loads(process.stdout.readline())["frame"] == 0
    process.stdout.close()
    assert process.wait(timeout=10) == 1
    assert "Traceback" not in process.stderr.read()
    assert len(read_clip(folder / "out.mp4")) >= 1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("every_frame", [True, False])
def test_it_ends_although_nobody_reads_its_records(
    start: Start, clip: Path, folder: Path, number: int, code: int, *, every_frame: bool
) -> None:
    options = ["--every-frame"] if every_frame else ["--fps", "1000"]
    process = start("--source", str(clip), "--loop", "--jsonl", "-", "--http", "0", "--record", "out.avi", *options)
    page = process.stderr.readline().removeprefix("Watch at ").strip()

    def state() -> dict[str, object]:
        with urlopen(f"{page}state.json", timeout=5) as response:
            return json.loads(response.read())

    wait_until(lambda: state().get("answered", 0) > 50, 20)
    wait_until(lambda: state()["fps"] == 0, 60)  # the pipe is full
    answered, captured = state()["answered"], state()["captured"]
    wait_until(lambda: every_frame or state()["captured"] > captured + 20)  # the feed goes on
    assert (state()["answered"], state()["state"]) == (answered, "live")
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=30) == code
    assert time.monotonic() - began < 2
    out = process.stdout.read()
    assert [json.loads(line)["task"] for line in out.splitlines()] == ["colours"] * (answered - 1)
    assert len(read_clip(folder / "out.avi")) > 0


@pytest.mark.slow
def test_records_wait_for_a_slow_reader_and_none_is_lost(start: Start, clip: Path) -> None:
    process = start("--source", str(clip), "--loop", "--frames", "700", "--every-frame", "--jsonl", "-")
    time.sleep(3)
    assert process.poll() is None
    lines = process.stdout.read().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(700))
    assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_a_named_pipe_may_be_read_later(start: Start, clip: Path, folder: Path) -> None:
    os.mkfifo(folder / "records")
    process = start("--source", str(clip), "--frames", "20", "--every-frame", "--jsonl", "records")
    time.sleep(1.5)
    assert process.poll() is None
    frames = [json.loads(line)["frame"] for line in (folder / "records").read_text().splitlines()]
    assert frames == list(range(20))
    assert process.wait(timeout=10) == 0
    process = start("--source", str(clip), "--every-frame", "--jsonl", "records")
    time.sleep(1.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began < 2


def test_a_disk_that_is_full_is_said_of_the_records(run: Run, clip: Path) -> None:
    answer = run("--source", clip.name, "--jsonl", "/dev/full")
    assert (answer.code, answer.err) == (1, "Error: /dev/full cannot be written: No space left on device\n")


class StallingStream:
    """An MJPEG stream over HTTP that sends some pictures to each client, then goes silent."""

    def __init__(self, pictures: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/cam.mjpg"
        self.clients: list[socket.socket] = []
        self._pictures = pictures
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.clients.append(client)
            client.recv(4096)
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
            for i in range(self._pictures):
                Image.new("RGB", (64, 48), (200, i % 50, 20)).save("stream.jpg")
                jpeg = Path("stream.jpg").read_bytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                client.sendall(head.encode() + jpeg + b"\r\n")
                time.sleep(0.03)

    def close(self) -> None:
        self._server.close()
        for client in self.clients:
            client.close()


@pytest.mark.slow
def test_a_stream_that_goes_silent_is_noticed_opened_again_and_lost_in_the_end(start: Start) -> None:
    with closing(StallingStream(30)) as stream:
        process = start("--source", stream.url, "--http", "0", "--timeout", "1", "--retries", "2")
        page = process.stderr.readline().removeprefix("Watch at ").strip()

        def state() -> dict[str, object]:
            with urlopen(f"{page}state.json", timeout=5) as response:
                return json.loads(response.read())

        wait_until(lambda: state()["state"] == "live" and state()["answered"] > 10, 20)
        assert state()["answer"]["label"] == "red"
        wait_until(lambda: state()["state"] == "lost", 5)
        wait_until(lambda: state()["state"] == "live", 5)
        assert len(stream.clients) == 2
        assert state()["faults"] == 1
        stream._pictures = 0
        process.wait(timeout=30)
        assert process.returncode == 4
        assert process.stderr.read().startswith(f"Error: {stream.url} was lost and did not come back in 2 tries")


@pytest.mark.slow
def test_sigterm_while_the_stream_is_silent_ends_it_in_under_2_seconds(start: Start) -> None:
    with closing(StallingStream(20)) as stream:
        process = start("--source", stream.url, "--timeout", "60", "--jsonl", "out.jsonl")
        wait_until(lambda: Path("out.jsonl").exists() and Path("out.jsonl").read_text().count("\n") > 5, 20)
        time.sleep(1)  # OpenCV is inside a read that nothing ends
        began = time.monotonic()
        process.terminate()
        process.wait(timeout=30)
        assert time.monotonic() - began < 2
        assert process.returncode == 0
        assert "Traceback" not in process.stderr.read()


def test_help_imports_neither_opencv_nor_numpy() -> None:
    code = (
        "import sys; from edge_infer.cli.main import cli; cli(['webcam', '--help'], standalone_mode=False); "
        "print({'cv2', 'numpy', 'onnxruntime', 'PIL'} & set(sys.modules))"
    )
    root = Path(edge_infer.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_a_clip_of_another_size_and_speed_is_no_trouble(run: Run, folder: Path) -> None:
    path = write_clip(folder / "odd.mp4", [(205, 30, 40)] * 10, fps=12.5, size=(130, 98))
    answer = run("--source", str(path), "--every-frame", "--mirror", "--jsonl", "-", "--top", "1")
    records = [json.loads(line) for line in answer.out.splitlines()]
    assert [record["time_s"] for record in records] == pytest.approx([i / 12.5 for i in range(10)])
    assert {record["label"] for record in records} == {"red"}
