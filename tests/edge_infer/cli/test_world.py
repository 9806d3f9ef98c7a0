"""What goes wrong around the command: signals, disks, users, locales, networks, terminals, other processes."""

import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.classifier import Classifier
from tests.conftest import drawn
from tests.edge_infer.conftest import expected_scores
from tests.edge_infer.webcam.conftest import write_clip
from tests.support.tiny_model import COLOURS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux' own devices, users and limits")

COMMAND = [sys.executable, "-m", "edge_infer"]
ROOT = Path(__file__).parents[3]
NOBODY = 65534
RED_TEXT = f"red {expected_scores(COLOURS['red'])['red']:.1%}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """The current folder, with a red picture, where every user may come (pytest's own are private)."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        Image.new("RGB", (40, 30), COLOURS["red"]).save(path / "red.png")
        yield path


@pytest.fixture
def model(folder: Path, tiny_model_path: Path) -> str:
    return shutil.copy(tiny_model_path, folder / "colours.onnx")


def run(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("environment", {})
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*COMMAND, *arguments], cwd=folder, env=environment, timeout=60, check=False, **options)


# Signals


def is_loading(library: str) -> Callable[[int], bool]:
    return lambda process: library in Path(f"/proc/{process}/maps").read_text()


def has_answered(process: int) -> bool:
    return b"label" in os.pread(OUTPUT.fileno(), 1000, 0)


OUTPUT = tempfile.TemporaryFile()  # noqa: SIM115  # of the command at hand; read while it is written
# From the first moment at which the program itself is running to the middle of its answers.
MOMENTS = {
    "while it imports numpy": is_loading("_multiarray_umath"),
    "while it imports onnxruntime": is_loading("onnxruntime_pybind11_state"),
    "while it answers": has_answered,
}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_ends_in_good_order_at_any_moment(
    folder: Path, model: str, moment: str, number: signal.Signals, code: int
) -> None:
    OUTPUT.seek(0)
    OUTPUT.truncate()
    arguments = ["classify", "--model", model, "--format", "json", "--batch", "1", *["red.png"] * 5000]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment, stdout=OUTPUT, stderr=subprocess.PIPE
    )
    with process:
        while not MOMENTS[moment](process.pid):
            assert process.poll() is None
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    out = os.pread(OUTPUT.fileno(), 2**24, 0)
    assert (process.returncode, err.strip()) == (code, b"Interrupted.")
    assert out == b"" or len(json.loads(out)) < 5000  # what was answered is a whole array


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ((signal.SIGTERM, signal.SIGCONT, signal.SIGTERM, signal.SIGCONT), 143),  # as `timeout` sends them
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM, signal.SIGINT), 143),
    ],
)
@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.02])
def test_signals_at_once_leave_a_whole_array(
    folder: Path, model: str, numbers: tuple[signal.Signals, ...], code: int, pause_s: float
) -> None:
    OUTPUT.seek(0)
    OUTPUT.truncate()
    arguments = ["classify", "--model", model, "--format", "json", "--batch", "1", *["red.png"] * 5000]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment, stdout=OUTPUT, stderr=subprocess.PIPE
    )
    with process:
        while not has_answered(process.pid):
            assert process.poll() is None
        for number in numbers:
            process.send_signal(number)
            time.sleep(pause_s)
        process.communicate(timeout=60)
    assert process.returncode in {code, 130}  # of two that come at once, the lower number is seen first
    assert 0 < len(json.loads(os.pread(OUTPUT.fileno(), 2**24, 0))) < 5000


def test_a_signal_that_comes_again_later_ends_at_once() -> None:
    code = """
import os, signal, time
from edge_infer.cli.interrupts import SAME_WISH_S, run_interruptible
def stubborn():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(SAME_WISH_S + 0.1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
run_interruptible(stubborn)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 130


def test_the_live_feed_ends_at_once_at_a_later_signal_too() -> None:
    code = """
import os, signal, time
from edge_infer.cli.interrupts import SAME_WISH_S, calling_on_signals
called = []
with calling_on_signals(lambda: called.append(1)) as received:
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
    assert (called, received) == ([1], [signal.SIGTERM])
    time.sleep(SAME_WISH_S + 0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 143


def test_the_callers_handlers_come_back() -> None:
    from edge_infer.cli.interrupts import run_interruptible

    before = signal.getsignal(signal.SIGTERM)
    assert run_interruptible(lambda: 7) == 7
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ZeroDivisionError):
        run_interruptible(lambda: 1 // 0)
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_an_interrupt_turns_into_is_still_an_interrupt() -> None:
    from edge_infer.cli.interrupts import run_interruptible

    def import_that_fails() -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error
        return 0

    assert run_interruptible(import_that_fails) == 143


@pytest.mark.slow
def test_a_kill_leaves_whole_copies_only(folder: Path, model: str) -> None:
    drawn((200, 30, 30), (600, 400)).save(folder / "large.png")
    arguments = ["classify", "--model", model, "--save-annotated", "drawn", *["large.png"] * 300]
    process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})
    while len(list(folder.glob("drawn/large-annotated*.jpg"))) < 20:
        assert process.poll() is None
    process.kill()
    assert process.wait(timeout=60) == -signal.SIGKILL
    copies = list(folder.glob("drawn/large-annotated*.jpg"))
    assert 20 <= len(copies) < 300
    for copy in copies:
        with Image.open(copy) as image:
            assert np.asarray(image).shape == (400, 600, 3)  # decodes to its end


# Disks and users


def test_a_disk_that_fills_up_leaves_no_half_copy(folder: Path, model: str) -> None:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    done = run(folder, "classify", "--model", model, "--save-annotated", "drawn", "red.png", preexec_fn=limit_files)
    assert (done.returncode, done.stdout) == (1, f"red.png: {RED_TEXT}\n".encode())
    assert done.stderr == b"Error: drawn/red-annotated.jpg cannot be written: File too large\n"
    assert list((folder / "drawn").iterdir()) == []


# The interpreter may lie where other users cannot read, so it loads everything before it becomes one.
AS_NOBODY = f"""
import os, sys
import shlex, click._termui_impl, edge_infer.pictures.drawing.annotate, edge_infer.classifier
import edge_infer.pictures.finding.sources
from PIL import Image
from edge_infer.cli.main import main
Image.init()
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize(
    ("arguments", "out", "err"),
    [
        (["secret.png", "red.png"], f"red.png: {RED_TEXT}\n", "secret.png cannot be read: Permission denied"),
        (["red.png", "--save-annotated", "new"], "", "folder new cannot be created: Permission denied"),
        (
            ["red.png", "--save-annotated", "closed"],
            f"red.png: {RED_TEXT}\n",
            "closed/red-annotated.jpg cannot be written: Permission denied",
        ),
    ],
)
def test_what_belongs_to_someone_else_is_one_line(
    folder: Path, model: str, arguments: list[str], out: str, err: str
) -> None:
    shutil.copy(folder / "red.png", folder / "secret.png")
    (folder / "secret.png").chmod(0)
    (folder / "closed").mkdir()
    command = [sys.executable, "-c", AS_NOBODY, "classify", "--model", model, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, out, f"Error: {err}\n")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize(
    ("arguments", "code", "err"),
    [
        (["classify", "red.png", "--model", "closed/m.onnx"], 3, "model file closed/m.onnx cannot be read"),
        (
            ["webcam", "--no-display", "--model", "closed/m.onnx", "--source", "clip.avi"],
            3,
            "model file closed/m.onnx cannot be read",
        ),
        (["webcam", "--no-display", "--source", "closed/clip.avi"], 4, "closed/clip.avi cannot be read"),
        (["webcam", "--no-display", "--source", "secret.avi"], 4, "secret.avi cannot be read"),
        (["webcam", "--no-display", "--source", "closed"], 4, "closed cannot be read"),
        (["webcam", "--source", "clip.avi", "--record", "closed/a.avi"], 1, "closed/a.avi cannot be written"),
        (["webcam", "--source", "clip.avi", "--jsonl", "closed/a.jsonl"], 1, "closed/a.jsonl cannot be written"),
    ],
)
def test_what_may_not_be_entered_is_named_with_the_code_of_its_kind(
    folder: Path, model: str, arguments: list[str], code: int, err: str
) -> None:
    for name in ("clip.avi", "secret.avi"):
        write_clip(folder / name, [(200, 30, 30)] * 3)
    (folder / "secret.avi").chmod(0)
    (folder / "closed").mkdir(mode=0o700)
    late = "import cv2, edge_infer.webcam.live, edge_infer.webcam.camera.sources, edge_infer.webcam.window\n"
    model_options = [] if "--model" in arguments else ["--model", model]
    command = [sys.executable, "-c", late + AS_NOBODY, *arguments, *model_options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"Error: {err}: Permission denied\n")


@pytest.mark.slow
def test_without_a_home_nothing_is_missing_and_nothing_written(folder: Path, model: str) -> None:
    home = folder / "home"
    home.mkdir()
    for environment in ({"HOME": str(home)}, {"HOME": "/nonexistent"}, {"HOME": ""}):
        done = run(folder, "classify", "--model", model, "red.png", environment=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"red.png: {RED_TEXT}\n".encode(), b"")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("locale", ["tr_TR.UTF-8", "ja_JP.eucJP", "POSIX", "no such locale", "en_US.ISO-8859-1"])
def test_odd_locales_change_nothing(folder: Path, model: str, locale: str) -> None:
    done = run(folder, "classify", "--model", model, "red.png", environment={"LC_ALL": locale, "LANG": locale})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"red.png: {RED_TEXT}\n".encode(), b"")


def test_odd_names_are_answered(folder: Path, model: str) -> None:
    names = ["-", "--help", "-.png", "日本.png", "tab\there.png", "new\nline.png", "  ", "a*b?.png", "@list", "~", "%s"]
    names = [f"./{name}" if name == "-" else name for name in names]
    for name in names:
        shutil.copy(folder / "red.png", folder / name)
    done = run(folder, "classify", "--model", model, "--format", "json", "--", *names)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [(record["source"], record["label"]) for record in json.loads(done.stdout)] == [(n, "red") for n in names]


# Networks


def test_nothing_asks_for_the_network_or_leaves_a_trace(folder: Path, model: str) -> None:
    code = """
import os, sys
def refuse(event, args):
    if event.startswith(("socket.", "urllib.", "http.")):
        os.write(1, b"used the network: " + event.encode())
        os._exit(99)
sys.addaudithook(refuse)
from edge_infer.cli.main import main
main(sys.argv[1:])
"""
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, "classify", "--model", model, "red.png"]
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(home)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"red.png: {RED_TEXT}\n".encode(), b"")
    assert list(home.iterdir()) == []  # onnxruntime's telemetry would keep an identifier there


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_library_opens_a_socket_either(folder: Path, model: str) -> None:
    trace = folder / "trace"
    command = ["strace", "-f", "-e", "trace=socket,connect", "-o", str(trace), *COMMAND]
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment["PYTHONPATH"] = str(ROOT)
    subprocess.run([*command, "classify", "--model", model, "red.png"], cwd=folder, env=environment, check=True)
    assert [line for line in trace.read_text().splitlines() if "socket" in line or "connect" in line] == []


# Streams and terminals


def test_a_damaged_tiff_is_one_line_although_libtiff_writes_its_own(folder: Path, model: str) -> None:
    drawn((9, 9, 9)).save(folder / "cut.tif", compression="tiff_deflate")
    data = (folder / "cut.tif").read_bytes()
    start = data.index(b"\x78\x9c")
    (folder / "cut.tif").write_bytes(data[:start] + b"\0\0" + data[start + 2 :])
    done = run(folder, "classify", "--model", model, "cut.tif")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Error: cut.tif is damaged: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_stderr_that_cannot_be_written_does_not_hide_the_exit_code(folder: Path, model: str) -> None:
    with Path("/dev/full").open("wb") as full:
        assert run(folder, "classify", "--model", "gone.onnx", "red.png", stderr=full).returncode == 3
        assert run(folder, "classify", "--nope", stderr=full).returncode == 2
        assert run(folder, "classify", "--model", model, "red.png", stderr=full).returncode == 0
        assert run(folder, "classify", "--model", model, "gone.png", stderr=full).returncode == 1


def test_a_terminal_that_hangs_up_is_no_traceback(folder: Path, model: str) -> None:
    control, terminal = pty.openpty()
    arguments = ["classify", "--model", model, *["red.png"] * 3000]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "no-such-terminal", "COLUMNS": "0"}
    streams = {"stdin": terminal, "stdout": terminal, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=environment, **streams)
    os.close(terminal)
    os.read(control, 1)  # the first answer
    os.close(control)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"Error: the results cannot be written: Input/output error\n")


@pytest.mark.parametrize("terminal_type", ["dumb", "", "no-such-terminal"])
def test_a_bar_is_drawn_on_any_terminal(folder: Path, model: str, terminal_type: str) -> None:
    control, terminal = pty.openpty()
    arguments = ["classify", "--model", model, "--batch", "1", *["red.png"] * 20]
    done = run(folder, *arguments, stderr=terminal, environment={"TERM": terminal_type, "COLUMNS": "0"})
    os.close(terminal)
    shown = os.read(control, 2**16)
    os.close(control)
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 20)
    assert b"Traceback" not in shown


# Other processes, forks, threads, and time


@pytest.mark.slow
def test_two_processes_at_once_write_whole_copies(folder: Path, model: str) -> None:
    arguments = [*COMMAND, "classify", "--model", model, "--save-annotated", "drawn", *["red.png"] * 20]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err, out) == (0, b"", f"red.png: {RED_TEXT}\n".encode() * 20)
    for copy in (folder / "drawn").iterdir():
        with Image.open(copy) as image:
            assert np.asarray(image).shape == (30, 40, 3)


PICTURES = [np.asarray(drawn((i * 9 % 256, i * 31 % 256, i * 77 % 256), (33, 21), seed=i)) for i in range(40)]


def answers(classifier: Classifier) -> list[tuple[object, ...]]:
    return [classifier.classify(picture).scores for picture in PICTURES]


def test_many_threads_answer_as_one_does(tiny_model_path: Path) -> None:
    classifier = Classifier(tiny_model_path, threads=2)
    serial = answers(classifier)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: answers(classifier), range(16))) == [serial] * 16


@pytest.mark.slow
def test_a_forked_process_answers_as_its_parent_and_ends(tiny_model_path: Path) -> None:
    # In a process of its own: pytest's has threads, which Python warns of when it forks.
    code = """
import os, sys
from edge_infer.classifier import Classifier
from tests.edge_infer.cli.test_world import answers
classifier = Classifier(sys.argv[1], threads=2)
serial = answers(classifier)
for _ in range(5):
    child = os.fork()
    if not child:
        sys.exit(0 if answers(classifier) == serial else 1)  # an orderly exit: every destructor runs
    print(os.waitpid(child, 0)[1], flush=True)  # or the next child would print it again
print(answers(classifier) == serial)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tiny_model_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n" * 5 + "True\n", "")


@pytest.mark.slow
def test_a_spawned_process_answers_as_its_parent(tiny_model_path: Path) -> None:
    code = "import sys; from edge_infer.classifier import Classifier; "
    code += "from tests.edge_infer.cli.test_world import answers; print(answers(Classifier(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{answers(Classifier(tiny_model_path))}\n"


@pytest.mark.slow
def test_a_long_run_keeps_memory_and_descriptors_flat(tiny_model_path: Path) -> None:
    from benchmarks.speed.soak import soak

    result = soak(tiny_model_path, inferences=4000)
    assert result["inferences"] == 4000
    assert result["grown_mb"] < 8
    assert result["grown_descriptors"] == 0
    assert result["grown_threads"] == 0
