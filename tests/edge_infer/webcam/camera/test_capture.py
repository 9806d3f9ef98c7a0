"""Every fault of a camera, played by a scripted source."""

import threading
import time
from collections.abc import Callable
from itertools import cycle

import numpy as np
import pytest

from edge_infer.errors import CameraError, CameraLostError, CameraTimeoutError, CameraUnavailableError
from edge_infer.webcam.camera import capture as capture_module
from edge_infer.webcam.camera.capture import Capture, CaptureCounts, Frame
from tests.edge_infer.webcam.conftest import ScriptedSource, StuckSource, bad, endless, frame, wait_until

TIMEOUT_S = 0.4
LONG_S = 5.0


def capture_of(*sources: ScriptedSource | Exception, **options: object) -> Capture:
    """Return a capture that opens one source after the other, the last again and again."""
    rest = list(sources)

    def open_source() -> ScriptedSource:
        source = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(source, Exception):
            raise source
        return source

    return Capture(open_source, **{"name": "cam", "timeout_s": TIMEOUT_S, **options})


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "FIRST_RETRY_S", 0.02)


@pytest.fixture(autouse=True)
def no_thread_left() -> object:
    before = threading.active_count()
    yield
    wait_until(lambda: threading.active_count() <= before)


def value(taken: Frame | None) -> int | None:
    return None if taken is None else int(taken.pixels_rgb[0, 0, 0])


def take_until(capture: Capture, is_so: Callable[[], bool], seconds: float = LONG_S) -> float:
    """Take frames until something is so; return how long that took."""
    began = time.monotonic()
    while not is_so():
        capture.next_frame(0.01)
        assert time.monotonic() - began < seconds
    return time.monotonic() - began


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    source = StuckSource(10)
    with capture_of(source, timeout_s=LONG_S) as capture:
        wait_until(lambda: capture.counts.captured == 10)
        taken = capture.next_frame(LONG_S)
        assert (value(taken), taken.number) == (9, 9)
        assert capture.counts == CaptureCounts(captured=10, dropped=9)
        assert capture.next_frame(0.01) is None
        source.let_go.set()
    assert source.is_released


def test_a_frame_that_was_looked_at_is_still_there_to_be_taken() -> None:
    source = StuckSource(10)
    with capture_of(source, timeout_s=LONG_S) as capture:
        wait_until(lambda: capture.counts.captured == 10)
        newest = capture.newest_since(0.0, LONG_S, lambda: False)
        assert (newest.number, capture.counts.dropped) == (9, 9)
        assert capture.newest_since(newest.captured_at, 0.01, lambda: False) is None
        assert capture.next_frame(LONG_S) is newest
        assert capture.newest_since(0.0, 0.01, lambda: False) is None
        source.let_go.set()


def test_who_waits_for_a_newer_frame_can_be_called_away() -> None:
    source, is_enough = StuckSource(1), threading.Event()
    with capture_of(source, timeout_s=LONG_S) as capture:
        first = capture.next_frame(LONG_S)
        calling = threading.Timer(0.05, lambda: (is_enough.set(), capture.wake()))
        calling.start()
        began = time.monotonic()
        assert capture.newest_since(first.captured_at, LONG_S, is_enough.is_set) is None
        assert time.monotonic() - began < LONG_S / 2
        calling.join()
        source.let_go.set()


def test_times_are_those_of_capture() -> None:
    source = StuckSource(1)
    with capture_of(source, timeout_s=LONG_S) as capture:
        assert capture.next_frame(LONG_S).time_s == 0
        source.let_go.set()
    with capture_of(endless()) as capture:
        early, late = capture.next_frame(LONG_S), capture.next_frame(LONG_S)
    assert late.time_s > 0
    assert late.time_s - early.time_s == pytest.approx(late.captured_at - early.captured_at)


def test_every_frame_of_a_video_waits_to_be_taken_and_has_its_place_in_the_video() -> None:
    script = ScriptedSource(map(frame, range(20)), frame_s=0.5)
    with capture_of(script, every_frame=True) as capture:
        taken = []
        while capture.state != "ended":
            time.sleep(0.003)
            taken.append(capture.next_frame(LONG_S))
    assert [value(frame) for frame in taken if frame] == list(range(20))
    assert [frame.time_s for frame in taken if frame] == [i * 0.5 for i in range(20)]
    assert capture.counts == CaptureCounts(captured=20)


def test_a_video_plays_at_its_own_speed_from_when_its_first_frame_is_taken() -> None:
    with capture_of(ScriptedSource(map(frame, range(11)), frame_s=0.03, pause_s=0)) as capture:
        time.sleep(0.3)
        began = time.monotonic()
        assert value(capture.next_frame(LONG_S)) == 0
        take_until(capture, lambda: capture.state == "ended")
        assert 0.3 <= time.monotonic() - began < 0.8
        assert capture.counts.captured == 11


def test_a_video_plays_by_its_own_time_stamps() -> None:
    times_s = [0.0, 0.02, 0.04, 0.4, 0.42]
    with capture_of(ScriptedSource(map(frame, range(5)), frame_s=0.1, pause_s=0, times_s=times_s)) as capture:
        taken = [capture.next_frame(LONG_S) for _ in times_s]
    assert [frame.time_s for frame in taken] == times_s
    shown_s = [frame.captured_at - taken[0].captured_at for frame in taken]
    assert all(0 <= shown - due < 0.3 for shown, due in zip(shown_s, times_s, strict=True))


def test_a_source_that_cannot_be_opened_fails_at_once() -> None:
    with capture_of(CameraUnavailableError("busy")) as capture, pytest.raises(CameraUnavailableError, match=r"^busy$"):
        capture.next_frame(LONG_S)


def test_whatever_a_driver_raises_becomes_one_of_our_errors() -> None:
    with (
        capture_of(RuntimeError("usb")) as capture,
        pytest.raises(CameraUnavailableError, match="cannot be opened: usb"),
    ):
        capture.next_frame(LONG_S)
    broken = ScriptedSource([frame(0), RuntimeError("usb")], is_live=False)
    with (
        capture_of(broken) as capture,
        pytest.raises(CameraUnavailableError, match="cannot be read: usb"),
    ):
        take_until(capture, lambda: False)
    assert broken.is_released


@pytest.mark.slow
def test_a_source_that_opens_for_ever_fails_in_time_and_holds_nobody_up() -> None:
    gate = threading.Event()

    def open_for_ever() -> ScriptedSource:
        gate.wait()
        return endless()

    began = time.monotonic()
    with (
        Capture(open_for_ever, name="cam", timeout_s=TIMEOUT_S) as capture,
        pytest.raises(CameraTimeoutError, match=r"cam did not open within 0\.4 s"),
    ):
        capture.next_frame(LONG_S)
    assert time.monotonic() - began < TIMEOUT_S + capture_module._CLOSING_S + 0.5
    gate.set()


@pytest.mark.slow
def test_a_camera_has_its_time_to_open_and_again_for_its_first_picture() -> None:
    def open_slowly() -> ScriptedSource:
        time.sleep(0.7 * TIMEOUT_S)
        return ScriptedSource([None, frame(7)], pause_s=0.35 * TIMEOUT_S)

    with Capture(open_slowly, name="cam", timeout_s=TIMEOUT_S, retries=0) as capture:
        assert value(capture.next_frame(LONG_S)) == 7


def test_a_camera_that_never_gives_a_picture_fails_in_time() -> None:
    with capture_of(ScriptedSource([])) as capture, pytest.raises(CameraTimeoutError, match=r"no picture for 0\.4 s"):
        capture.next_frame(LONG_S)


def test_an_empty_video_is_an_error() -> None:
    with (
        capture_of(ScriptedSource([], is_live=False)) as capture,
        pytest.raises(CameraUnavailableError, match="cam holds no picture"),
    ):
        capture.next_frame(LONG_S)
    assert capture.state == "live"  # or a feed would take it for a video that was watched to its end


FAULTS = {
    "unplugged": lambda: ScriptedSource([*map(frame, range(5))]),
    "only bad frames": lambda: ScriptedSource([*map(frame, range(5)), *(bad() for _ in range(1000))]),
    "frozen": lambda: ScriptedSource([*map(frame, range(5)), *[frame(7)] * 10_000]),
    "raises": lambda: ScriptedSource([*map(frame, range(5)), RuntimeError("usb")]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed_in_time_and_the_camera_opened_again(fault: str) -> None:
    first = FAULTS[fault]()
    with capture_of(first, endless()) as capture:
        take_until(capture, lambda: capture.counts.captured >= 5)
        assert take_until(capture, lambda: capture.state == "lost") < TIMEOUT_S + 0.3
        assert first.is_released or take_until(capture, lambda: first.is_released) < 0.3
        take_until(capture, lambda: capture.state == "live")
        assert value(capture.next_frame(LONG_S)) is not None
        assert capture.counts.faults == 1


def test_a_read_that_blocks_for_ever_is_left_behind() -> None:
    stuck = StuckSource(5)
    with capture_of(stuck, endless()) as capture:
        take_until(capture, lambda: capture.counts.captured >= 5)
        assert take_until(capture, lambda: capture.state == "lost") < TIMEOUT_S + 0.3
        take_until(capture, lambda: capture.state == "live")
        numbers = {capture.next_frame(LONG_S).number for _ in range(20)}
        assert len(numbers) == 20
        stuck.let_go.set()  # what it brings now is no frame of ours
        wait_until(lambda: stuck.is_released)
    assert capture.counts.faults == 1


@pytest.mark.slow
def test_leaving_does_not_wait_for_a_stuck_read() -> None:
    stuck = StuckSource(1)
    began = time.monotonic()
    with capture_of(stuck) as capture:
        assert capture.next_frame(LONG_S) is not None
    assert time.monotonic() - began < 2
    stuck.let_go.set()


def test_single_bad_frames_are_counted_and_passed_over() -> None:
    script = cycle([frame(1), bad(), frame(2), None, frame(3)])
    with capture_of(ScriptedSource(script)) as capture:
        take_until(capture, lambda: capture.counts.captured >= 30)
    assert capture.counts.faults == 0
    assert capture.counts.bad == pytest.approx(capture.counts.captured / 3, abs=2)


def test_after_the_last_try_the_camera_is_lost_and_the_waits_grow() -> None:
    opened_at = []

    def open_source() -> ScriptedSource:
        opened_at.append(time.monotonic())
        if len(opened_at) == 1:
            return ScriptedSource([frame(0), frame(1)])
        raise CameraUnavailableError("it is gone")

    with (
        Capture(open_source, name="cam", timeout_s=TIMEOUT_S, retries=4) as capture,
        pytest.raises(CameraLostError, match="cam was lost and did not come back in 4 tries: it is gone"),
    ):
        take_until(capture, lambda: False)
    waits = np.diff(opened_at[1:])
    assert len(opened_at) == 5
    assert (waits[1:] > 1.3 * waits[:-1]).all()
    assert capture.counts.faults == 5


def test_a_frozen_camera_that_is_frozen_again_each_time_is_lost_in_the_end() -> None:
    def frozen() -> ScriptedSource:
        return ScriptedSource([frame(7)] * 10_000)

    with (
        Capture(frozen, name="cam", timeout_s=0.1, retries=2) as capture,
        pytest.raises(CameraLostError, match=r"in 2 tries: cam gave only the same picture for 0\.1 s"),
    ):
        take_until(capture, lambda: False)


@pytest.mark.slow
def test_a_camera_that_works_again_gets_all_its_tries_back() -> None:
    sources = [ScriptedSource([*map(frame, range(5))]) for _ in range(4)]
    with capture_of(*sources, endless(), retries=1) as capture:
        take_until(capture, lambda: capture.counts.faults == 4 and capture.state == "live")
        assert capture.next_frame(LONG_S) is not None


def test_faults_of_a_video_are_final() -> None:
    script = ScriptedSource([frame(0), CameraError("damaged")], is_live=False)
    with capture_of(script) as capture, pytest.raises(CameraError, match="cannot be read: damaged"):
        take_until(capture, lambda: False)


def test_a_video_of_one_picture_does_not_count_as_frozen() -> None:
    script = ScriptedSource([frame(0)] * 20, frame_s=0.02)
    with capture_of(script, timeout_s=0.05) as capture:
        take_until(capture, lambda: capture.state == "ended")
    assert capture.counts.captured == 20
