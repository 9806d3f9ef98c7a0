"""Videos with an end, from files and servers, by their own time stamps; and streams, which have none."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from edge_infer.errors import CameraLostError, CameraUnavailableError
from edge_infer.webcam.camera.capture import Capture
from edge_infer.webcam.camera.sources import FrameSource, SourceOptions, find_source, open_source
from tests.edge_infer.webcam.conftest import write_clip
from tests.support.matroska import write_matroska

TIMES_S = [*(i / 20 for i in range(10)), *(0.5 + i / 4 for i in range(6)), *(2 + i / 20 for i in range(10))]


def frames(times_s: list[float]) -> list[tuple[Image.Image, float]]:
    return [(Image.new("RGB", (64, 48), (8 * i % 250, 40, 60)), time_s) for i, time_s in enumerate(times_s)]


def opened(source: str | Path, **options: object) -> FrameSource:
    return open_source(find_source(str(source)), SourceOptions(**options))


def times_of(source: FrameSource, most: int = 1000) -> list[float | None]:
    times_s = []
    while len(times_s) < most and source.read() is not None:
        times_s.append(source.time_s)
    source.release()
    return times_s


@pytest.fixture
def irregular(tmp_path: Path) -> Path:
    """A video of 20 frames a second, then 4, then 20 again."""
    return write_matroska(tmp_path / "irregular.mkv", frames(TIMES_S), duration_s=2.5)


def test_a_video_of_a_variable_rate_keeps_its_own_times(irregular: Path) -> None:
    assert times_of(opened(irregular)) == pytest.approx(TIMES_S, abs=1e-3)


def test_a_rate_that_was_asked_for_comes_before_the_videos_own(irregular: Path) -> None:
    assert times_of(opened(irregular, fps=10)) == pytest.approx([i / 10 for i in range(26)])


def test_each_round_of_a_loop_follows_the_one_before(irregular: Path) -> None:
    source = opened(irregular, loop=True)
    times_s = times_of(source, 60)
    round_s = TIMES_S[-1] + source.frame_s
    wanted = [turn * round_s + time_s for turn in range(3) for time_s in TIMES_S][:60]
    assert times_s == pytest.approx(wanted, abs=2e-3)


@pytest.mark.slow
def test_a_video_of_a_variable_rate_is_played_as_it_was_filmed(irregular: Path) -> None:
    with Capture(lambda: opened(irregular), name="cam") as capture:
        taken = []
        while capture.state != "ended":
            frame = capture.next_frame(1)
            taken += [] if frame is None else [frame]
    late_s = [frame.captured_at - taken[0].captured_at - frame.time_s for frame in taken]
    assert -0.01 < min(late_s) <= max(late_s) < 0.5
    assert capture.counts.captured == len(TIMES_S)


@pytest.mark.parametrize("form", ["file://{}", "file:{}", "file://localhost{}"])
def test_a_file_url_is_that_file(irregular: Path, form: str) -> None:
    url = form.format(irregular)
    spec = find_source(url)
    assert (spec.kind, spec.address, spec.name) == ("video", str(irregular), url)
    assert not opened(url).is_live


def test_the_escapes_of_a_file_url_are_resolved_unless_a_file_is_called_so(tmp_path: Path) -> None:
    for name in ("my clip.avi", "100%25.avi"):
        write_clip(tmp_path / name, [(200, 40, 20)] * 2)
    assert find_source(f"file://{tmp_path}/my%20clip.avi").address == str(tmp_path / "my clip.avi")
    assert find_source(f"file://{tmp_path}/100%25.avi").address == str(tmp_path / "100%25.avi")
    assert find_source(f"file://{tmp_path}").kind == "folder"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def served(
    data: bytes, *, ranges: bool = True, sent: int | None = None, stall_s: float = 0.0, protocol: str = "HTTP/1.0"
) -> Iterator[str]:
    """Serve one file, of which only a part may be sent, before a server hangs up or falls silent."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()

        def do_GET(self) -> None:
            wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) if ranges else None
            begin = int(wanted[1]) if wanted else 0
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            self.wfile.write(data[begin:sent])
            time.sleep(stall_s)

        def log_message(self, *arguments: object) -> None:
            pass

    with serving(Handler) as url:
        yield f"{url}clip"


@pytest.mark.parametrize(("ranges", "protocol"), [(True, "HTTP/1.1"), (True, "HTTP/1.0"), (False, "HTTP/1.0")])
@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mp4"])
def test_a_video_on_a_server_ends_when_it_ends(tmp_path: Path, suffix: str, protocol: str, *, ranges: bool) -> None:
    path = tmp_path / f"clip{suffix}"
    times_s = [i / 20 for i in range(26)]
    if suffix == ".mkv":
        write_matroska(path, frames(TIMES_S), duration_s=2.5)
        times_s = TIMES_S
    else:
        write_clip(path, [(8 * i, 40, 60) for i in range(26)], fps=20, noise=90)  # so large that it is read in parts
    with served(path.read_bytes(), ranges=ranges, protocol=protocol) as url:
        source = opened(f"{url}{suffix}")
        assert not source.is_live
        assert times_of(source) == pytest.approx(times_s, abs=1e-3)


def test_a_browsers_recording_on_a_server_ends_although_it_does_not_say_when(tmp_path: Path) -> None:
    path = write_matroska(tmp_path / "clip.webm", frames(TIMES_S))
    with served(path.read_bytes()) as url:
        source = opened(f"{url}.webm")
        assert not source.is_live
        assert times_of(source) == pytest.approx(TIMES_S, abs=1e-3)
        assert opened(url).is_live  # nothing says that it is a file


def test_a_rate_that_makes_no_sense_is_not_believed(tmp_path: Path) -> None:
    path = write_matroska(tmp_path / "clip.webm", frames(TIMES_S), duration_s=2.5, fps=1000)
    with served(path.read_bytes()) as url:
        for text in (str(path), f"{url}.webm"):
            source = opened(text)
            assert source.frame_s == pytest.approx(1 / 30)
            assert times_of(source) == pytest.approx(TIMES_S, abs=1e-3)


@pytest.mark.parametrize("stall_s", [0.0, 3.0])
def test_a_server_that_stops_half_way_is_not_the_end(tmp_path: Path, stall_s: float) -> None:
    data = write_clip(tmp_path / "clip.avi", [(8 * i % 250, 40, 60) for i in range(400)], fps=20).read_bytes()
    with served(data, ranges=False, sent=len(data) // 2, stall_s=stall_s) as url:
        source = opened(f"{url}.avi", timeout_s=0.5)
        with pytest.raises(CameraLostError, match=r"^it broke off after 10\.0 of 20\.0 s$"):
            times_of(source)


def test_a_stream_has_no_times_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg"
    frames([0.0])[0][0].save(path)
    jpeg = path.read_bytes()
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            self.wfile.write(part * 20)

        def log_message(self, *arguments: object) -> None:
            pass

    with serving(Camera) as url:
        source = opened(f"{url}live.mjpg")
        assert (source.is_live, source.frame_s) == (True, 0)
        assert set(times_of(source, 10)) == {None}


def test_a_video_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", [(200, 40, 20)] * 5)
    data = path.read_bytes()
    begin = data.index(b"movi")
    path.write_bytes(data[:begin] + b"movi" + bytes(len(data) - begin - 4))
    with pytest.raises(
        CameraUnavailableError, match=r"clip\.avi gives no frame: .* MJPEG \(MJPG\), or it is damaged or cut off"
    ):
        opened(path)
