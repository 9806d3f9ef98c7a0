import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import BadFrameError, CameraNotFoundError, CameraPermissionError, CameraUnavailableError
from edge_infer.webcam.camera import devices, sources
from edge_infer.webcam.camera.sources import FrameSource, SourceOptions, SourceSpec, find_source, open_source
from edge_infer.webcam.opencv import load_cv2
from edge_infer.webcam.page.server import LiveServer
from edge_infer.webcam.view import FeedStatus, View
from tests.edge_infer.webcam.conftest import prediction, write_clip


def opened(text: str | Path, **options: object) -> FrameSource:
    return open_source(find_source(str(text)), SourceOptions(**options))


def frames_of(source: FrameSource, most: int = 1000) -> Iterator[np.ndarray]:
    for _ in range(most):
        pixels = source.read()
        if pixels is None:
            return
        yield pixels


@pytest.mark.parametrize(("platform", "opened_first"), [("darwin", [3]), ("linux", [])])
def test_macos_asks_the_user_before_another_thread_opens_the_camera(
    monkeypatch: pytest.MonkeyPatch, platform: str, opened_first: list[int]
) -> None:
    tried: list[int] = []

    class Cv2:
        CAP_V4L2 = CAP_DSHOW = CAP_AVFOUNDATION = CAP_ANY = 0

        def __init__(self, index: int, backend: int) -> None:
            tried.append(index)

        def release(self) -> None:
            tried.append(-1)

    Cv2.VideoCapture = Cv2
    monkeypatch.setattr(devices.sys, "platform", platform)
    monkeypatch.setattr(devices, "load_cv2", lambda: Cv2)
    devices.ask_for_permission(3)
    assert tried == [number for index in opened_first for number in (index, -1)]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("0", SourceSpec("camera", "0", "0")),
        ("/dev/video2", SourceSpec("camera", "2", "/dev/video2")),
        (
            "rtsp://me:secret@cam.local:554/1?x=2",
            SourceSpec("stream", "rtsp://me:secret@cam.local:554/1?x=2", "rtsp://cam.local:554/1"),
        ),
        ("http://10.0.0.2/a", SourceSpec("stream", "http://10.0.0.2/a", "http://10.0.0.2/a")),
    ],
)
def test_a_source_is_known_by_how_it_is_written(text: str, spec: SourceSpec) -> None:
    assert find_source(text) == spec
    assert spec.title == (f"camera {spec.address}" if spec.kind == "camera" else spec.name)


def test_files_and_folders(tmp_path: Path, clip: Path) -> None:
    assert find_source(str(clip)) == SourceSpec("video", str(clip), str(clip))
    assert find_source(str(tmp_path)) == SourceSpec("folder", str(tmp_path), str(tmp_path))


@pytest.mark.parametrize("text", ["gone.mp4", "-1", "", "1234", "0x", "http:/one-slash"])
def test_anything_else_is_not_found(text: str) -> None:
    with pytest.raises(CameraNotFoundError, match="is neither a camera number nor a video, folder or URL that exists"):
        find_source(text)


def test_what_cannot_be_looked_at_says_why(tmp_path: Path) -> None:
    for text in ("x" * 300, f"{tmp_path}/{'x' * 300}.mp4", f"file://{tmp_path}/{'x' * 300}.mp4"):
        with pytest.raises(CameraNotFoundError, match=r"x+(\.mp4)? cannot be read: File name too long$"):
            find_source(text)


def test_what_this_user_may_not_read_says_so(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.os, "access", lambda path, mode: False)
    for path in (tmp_path, clip):
        with pytest.raises(CameraPermissionError, match=f"^{path} cannot be read: Permission denied$"):
            find_source(str(path))


@pytest.mark.parametrize("is_relative", [False, True])
def test_a_link_to_a_camera_is_that_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_relative: bool
) -> None:
    (tmp_path / "v4l" / "by-id").mkdir(parents=True)
    link = tmp_path / "v4l" / "by-id" / "usb-Desk_camera-video-index0"
    link.symlink_to(os.path.relpath("/dev/video2", link.parent.resolve()) if is_relative else "/dev/video2")
    (tmp_path / "front").symlink_to(link)
    for text in (str(link), str(tmp_path / "front")):
        assert find_source(text) == SourceSpec("camera", "2", text)
    monkeypatch.chdir(tmp_path)
    assert find_source("front") == SourceSpec("camera", "2", "front")


def test_a_link_is_followed_anew_when_the_camera_is_opened_again(fake_camera: Path, tmp_path: Path) -> None:
    link = tmp_path / "front"
    link.symlink_to("/dev/video3")
    spec = find_source(str(link))
    assert open_source(spec, SourceOptions()).is_live
    assert FakeCapture.last.index == 3
    link.unlink()
    with pytest.raises(CameraNotFoundError, match=r"there is no camera .*front; `edge-infer webcam --list` shows"):
        open_source(spec, SourceOptions())
    (fake_camera / "video10").touch()
    link.symlink_to("/dev/video10")
    open_source(spec, SourceOptions())
    assert FakeCapture.last.index == 10


def test_a_device_that_is_not_there_is_a_camera_that_is_not_there() -> None:
    with pytest.raises(
        CameraNotFoundError, match=r"^there is no camera /dev/v4l/by-id/gone; `edge-infer webcam --list`"
    ):
        find_source("/dev/v4l/by-id/gone")


def test_a_broken_url_is_not_found() -> None:
    with pytest.raises(CameraNotFoundError, match="is not a URL"):
        find_source("http://[::1/x")


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_video_gives_its_frames_in_rgb_and_its_speed(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip{suffix}", [(200, 40, 20)] * 3 + [(20, 40, 200)] * 4, fps=20)
    source = opened(path)
    means = [frame.mean(axis=(0, 1)) for frame in frames_of(source)]
    source.release()
    assert source.frame_s == pytest.approx(1 / 20)
    assert len(means) == 7
    assert means[0] == pytest.approx((200, 40, 20), abs=8)
    assert means[-1] == pytest.approx((20, 40, 200), abs=8)


def test_a_video_can_be_played_at_another_speed_and_again(clip: Path) -> None:
    source = opened(clip, fps=10, loop=True)
    frames = list(frames_of(source, most=150))
    source.release()
    assert source.frame_s == pytest.approx(0.1)
    assert len(frames) == 150
    assert np.array_equal(frames[0], frames[60])
    assert np.array_equal(frames[0], frames[120])


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.mp4"
    path.write_text("no video")
    with pytest.raises(CameraUnavailableError, match=r"note\.mp4 is not a video that OpenCV can read"):
        opened(path)


def test_a_folder_gives_its_pictures_by_name_upright(tmp_path: Path) -> None:
    for number, red in ((2, 200), (1, 100), (3, 50)):
        Image.new("RGB", (6, 4), (red, 0, 0)).save(tmp_path / f"{number}.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (6, 4), 30).save(tmp_path / "4.png", exif=turned)
    source = opened(tmp_path, fps=5)
    frames = list(frames_of(source))
    assert source.frame_s == pytest.approx(0.2)
    assert [int(frame[0, 0, 0]) for frame in frames] == [100, 200, 50, 30]
    assert [frame.shape for frame in frames] == [(4, 6, 3)] * 3 + [(6, 4, 3)]
    source.release()


def test_frames_are_played_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(1, 13):
        Image.new("L", (6, 4), number).save(tmp_path / f"frame_{number}.png")
    source = opened(tmp_path, fps=5)
    assert [int(frame[0, 0, 0]) for frame in frames_of(source)] == list(range(1, 13))
    assert source.time_s == pytest.approx(11 / 5)


def test_a_damaged_picture_in_a_folder_is_one_bad_frame(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("no picture")
    source = opened(tmp_path, loop=True)
    assert source.read().shape == (4, 6, 3)
    with pytest.raises(BadFrameError, match=r"2\.png is not a picture"):
        source.read()
    assert source.read().shape == (4, 6, 3)


def test_a_folder_of_damaged_pictures_ends_although_it_is_to_be_played_again(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_text("no picture")
    source = opened(tmp_path, loop=True)
    with pytest.raises(BadFrameError):
        source.read()
    assert source.read() is None


def test_an_empty_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(CameraNotFoundError, match="holds no pictures"):
        opened(tmp_path)


def test_a_stream_over_http_is_read_by_opencv() -> None:
    view = View(Image.new("RGB", (64, 48), (200, 40, 20)), 0.0, prediction(), FeedStatus(source="cam"))
    stop = threading.Event()
    with closing(LiveServer("127.0.0.1", 0, lambda command: None)) as server:
        feeding = threading.Thread(target=lambda: [server.show(view) for _ in iter(lambda: stop.wait(0.02), True)])
        feeding.start()
        try:
            source = opened(server.url + "stream.mjpg")
            frames = [source.read() for _ in range(5)]
            source.release()
        finally:
            stop.set()
            feeding.join()
    assert source.frame_s == 0
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 5
    assert frames[-1].mean(axis=(0, 1)) == pytest.approx((200, 40, 20), abs=8)


def test_a_stream_that_is_not_there_is_refused_without_its_password() -> None:
    with pytest.raises(CameraUnavailableError, match=r"^http://127\.0\.0\.1:9/x cannot be opened"):
        opened("http://me:secret@127.0.0.1:9/x")


class FakeCapture:
    """cv2.VideoCapture of a camera that is there."""

    opened = True

    def __init__(self, index: int, backend: int) -> None:
        self.index, self.backend, self.settings = index, backend, []
        FakeCapture.last = self

    def isOpened(self) -> bool:  # noqa: N802
        return FakeCapture.opened

    def set(self, name: int, value: float) -> None:
        self.settings.append((name, value))

    def get(self, name: int) -> float:
        cv2 = load_cv2()
        return {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_FPS: 30.0}[name]

    def read(self) -> tuple[bool, object]:
        raise load_cv2().error("decoder")

    def release(self) -> None:
        pass


@pytest.fixture
def fake_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with one camera, /dev/video3."""
    (tmp_path / "video3").touch()
    (tmp_path / "names" / "video3").mkdir(parents=True)
    (tmp_path / "names" / "video3" / "name").write_text("Desk camera\n")
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    monkeypatch.setattr(devices, "DEVICE_NAMES", tmp_path / "names")
    monkeypatch.setattr(load_cv2(), "VideoCapture", FakeCapture)
    monkeypatch.setattr(FakeCapture, "opened", True)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    return tmp_path


def test_a_camera_is_asked_for_what_was_wanted_and_only_for_that(fake_camera: Path) -> None:
    cv2 = load_cv2()
    opened("3")
    assert (FakeCapture.last.index, FakeCapture.last.backend) == (3, cv2.CAP_V4L2)
    assert FakeCapture.last.settings == []
    opened("3", width=1280, height=720, fps=60)
    assert FakeCapture.last.settings == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
    ]


def test_a_decoder_that_raises_means_a_bad_frame(fake_camera: Path) -> None:
    with pytest.raises(BadFrameError, match="OpenCV could not decode a frame"):
        opened("3").read()


def test_a_camera_that_is_not_there_is_named(fake_camera: Path) -> None:
    with pytest.raises(CameraNotFoundError, match=r"there is no camera 5 \(.*video5 does not exist\)"):
        opened("5")


def test_a_camera_that_this_user_may_not_use_says_what_helps(
    fake_camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices.os, "access", lambda path, mode: False)
    with pytest.raises(devices.CameraPermissionError, match=r"sudo usermod -aG video \$USER"):
        opened("3")


def test_a_camera_that_is_busy_says_who_may_use_it(fake_camera: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCapture, "opened", False)
    with pytest.raises(CameraUnavailableError, match=r"another program may use it \(`fuser -v .*video3` names it\)"):
        opened("3")


@pytest.mark.parametrize(("platform", "backend"), [("win32", "CAP_DSHOW"), ("darwin", "CAP_AVFOUNDATION")])
def test_elsewhere_the_systems_own_way_is_used(
    fake_camera: Path, monkeypatch: pytest.MonkeyPatch, platform: str, backend: str
) -> None:
    monkeypatch.setattr(devices.sys, "platform", platform)
    opened("1")
    assert FakeCapture.last.backend == getattr(load_cv2(), backend)
    monkeypatch.setattr(FakeCapture, "opened", False)
    with pytest.raises(CameraUnavailableError, match="privacy settings"):
        opened("1")


def test_the_cameras_are_listed(fake_camera: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fake_camera / "video10").touch()
    assert list(devices.list_cameras()) == [
        devices.CameraInfo(3, "Desk camera", 640, 480, 30.0),
        devices.CameraInfo(10, "", 640, 480, 30.0),
    ]
    monkeypatch.setattr(FakeCapture, "opened", False)
    assert list(devices.list_cameras()) == []
