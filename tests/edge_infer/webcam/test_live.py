"""The loop, on scripted sources: what is answered, shown, recorded, and when it ends."""

import threading
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import CameraLostError, ModelOutputError, OutputError
from edge_infer.pictures.turning import Turn
from edge_infer.results import LabelScore, Prediction
from edge_infer.webcam import recording
from edge_infer.webcam.camera import capture as capture_module
from edge_infer.webcam.camera.capture import Capture
from edge_infer.webcam.live import LiveFeed, LiveOptions
from edge_infer.webcam.view import Command, FeedStatus, View
from tests.edge_infer.webcam.conftest import ScriptedSource, bad, endless, frame, prediction, read_clip, wait_until


class Display:
    """Remembers what it was shown, and may do something then."""

    def __init__(self, on_view: Callable[[View], None] = lambda view: None) -> None:
        self.views: list[View] = []
        self._on_view = on_view

    def show(self, view: View) -> None:
        self.views.append(view)
        self._on_view(view)


class Answers:
    """A classifier that gives one answer, after a while, or fails."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.error: Exception | None = None
        self.images: list[Image.Image] = []
        self.times_s: list[float] = []

    def answer(self, image: Image.Image, time_s: float) -> Prediction:
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.images.append(image)
        self.times_s.append(time_s)
        return prediction()


class Shapes(Answers):
    """Answers whether a picture is wide or tall."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self.forgotten_at: list[int] = []

    def answer(self, image: Image.Image, time_s: float) -> Prediction:
        super().answer(image, time_s)
        return prediction(scores=(LabelScore("tall" if image.height > image.width else "wide", 1.0),))

    def forget(self) -> None:
        self.forgotten_at.append(len(self.images))


class Run:
    """A feed with everything around it."""

    def __init__(
        self, source: ScriptedSource | Callable[[], ScriptedSource], *, live: bool = False, **options: object
    ) -> None:
        self.commands: SimpleQueue[Command] = SimpleQueue()
        self.answers, self.display = Answers(), Display()
        self.records: list[Prediction] = []
        self.notes: list[str] = []
        self.options = LiveOptions(**options)
        self.is_taken = lambda: True
        open_source = source if callable(source) else lambda: source
        self.capture = Capture(open_source, name="cam", every_frame=not live, timeout_s=5)

    def __call__(self) -> FeedStatus:
        with self.capture as capture:
            feed = LiveFeed(
                capture,
                self.answers,
                self.commands,
                [self.display],
                self.options,
                source="0",
                on_answer=self.records.append,
                is_taken=lambda: self.is_taken(),
                on_note=self.notes.append,
            )
            return feed.run()


def video(frames: int, frame_s: float = 1 / 30) -> ScriptedSource:
    return ScriptedSource(map(frame, range(frames)), frame_s=frame_s, pause_s=0)


def test_every_frame_of_a_video_is_answered_recorded_and_shown() -> None:
    run = Run(video(20))
    status = run()
    assert [(record.source, record.frame) for record in run.records] == [("0", i) for i in range(20)]
    assert [record.time_s for record in run.records] == pytest.approx([i / 30 for i in range(20)])
    assert run.answers.times_s == [record.time_s for record in run.records]
    assert run.records[3].to_record()["time_s"] == run.records[3].time_s
    assert list(run.records[3].to_record())[:5] == ["source", "frame", "time_s", "task", "model"]
    assert (status.answered, status.counts.captured, status.counts.dropped) == (20, 20, 0)
    shown = [view.prediction.frame for view in run.display.views]
    assert sorted(set(shown)) == list(range(20))


def test_the_answer_is_drawn_into_what_is_shown_and_the_status_too() -> None:
    run = Run(ScriptedSource([frame(128, (320, 240))], frame_s=1))
    run()
    pixels = np.asarray(run.display.views[0].image_rgb)
    assert (pixels[:30, :60] != 128).any()
    assert (pixels[-20:, :60] != 128).any()
    assert (pixels[60:200] == 128).all()
    assert (np.asarray(run.answers.images[0]) == 128).all()


@pytest.mark.parametrize(("options", "answered"), [({"frames": 7}, 7), ({"frames": 1}, 1)])
def test_it_stops_after_so_many_frames(options: dict[str, object], answered: int) -> None:
    run = Run(video(50), **options)
    assert run().answered == answered


def test_it_stops_after_so_many_seconds() -> None:
    run = Run(endless(), live=True, seconds=0.4)
    began = time.monotonic()
    run()
    assert 0.4 <= time.monotonic() - began < 1.5


def test_a_slow_classifier_gets_the_newest_frames_and_the_others_are_dropped() -> None:
    run = Run(endless(), live=True, frames=5)
    run.answers.seconds = 0.1
    status = run()
    ages = [view.status.latency_ms for view in run.display.views]
    assert status.counts.dropped > 5 * 10
    assert max(ages) < 200
    assert status.answer_ms == pytest.approx(100, abs=50)
    assert status.latency_ms > status.answer_ms


def camera(fps: float) -> ScriptedSource:
    """Return a camera whose frames are as grey as their number."""
    return ScriptedSource(map(frame, range(256)), pause_s=1 / fps)


def shown_frame(view: View) -> int:
    return round(np.asarray(view.image_rgb)[20:28, 50:].mean())


@pytest.mark.slow
def test_a_frame_is_shown_with_its_own_answer_if_that_comes_before_the_next_frame() -> None:
    run = Run(camera(5), live=True, frames=4)
    run()
    shown = [(shown_frame(view), view.prediction.frame) for view in run.display.views]
    assert list(dict.fromkeys(shown)) == [(i, i) for i in range(4)]


@pytest.mark.slow
def test_while_a_slow_classifier_answers_newer_frames_are_shown_with_the_last_answer() -> None:
    run, ages = Run(camera(30), live=True, frames=6), []

    def on_view(view: View) -> None:
        if len(run.display.views) > 1:
            ages.append(time.monotonic() - run.display.views[-2].captured_at)

    run.display, run.answers.seconds = Display(on_view), 0.2
    status = run()
    frames = [shown_frame(view) for view in run.display.views]
    answers = [view.prediction.frame for view in run.display.views]
    assert (frames, answers) == (sorted(frames), sorted(answers))
    assert all(frame >= answer for frame, answer in zip(frames, answers, strict=True))
    assert len(set(frames)) > 3 * len(set(answers))
    assert max(ages) < 0.45  # of what is seen, just before something newer replaces it
    assert [record.frame for record in run.records] == sorted(set(answers))
    assert status.counts.dropped == pytest.approx(run.records[-1].frame - 5, abs=7)  # what was never answered


def test_a_recording_is_as_fluent_as_what_is_shown(tmp_path: Path) -> None:
    run = Run(camera(30), live=True, frames=4, record=tmp_path / "out.avi")
    run.answers.seconds = 0.2
    run()
    assert len({round(image[20:28, 50:].mean()) for image in read_clip(tmp_path / "out.avi")}) > 9


def test_a_model_that_fails_ends_the_feed() -> None:
    run = Run(endless(), live=True)
    run.answers.error = ModelOutputError("NaN")
    threads = threading.active_count()
    with pytest.raises(ModelOutputError, match="NaN"):
        run()
    wait_until(lambda: threading.active_count() == threads)


def test_the_last_frame_of_a_video_is_answered_too() -> None:
    run = Run(video(3))
    run.answers.seconds = 0.15  # longer than the loop waits before it shows the feed again
    assert run().answered == 3
    assert run.display.views[-1].prediction.frame == 2


def test_mirrored_frames_are_answered_and_shown_mirrored() -> None:
    half = frame(0)
    half[:, :32] = 255
    run = Run(ScriptedSource([half], frame_s=1), mirror=True)
    run()
    assert np.asarray(run.answers.images[0])[:, :, 0].mean(axis=0).tolist() == [0] * 32 + [255] * 32


@pytest.mark.parametrize(("turn", "quarters"), [(0, 0), (90, 3), (180, 2), (270, 1)])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_frames_are_answered_and_shown_turned_and_then_mirrored(
    turn: Turn, quarters: int, *, mirror: bool
) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    run = Run(ScriptedSource([colours], frame_s=1), turn=turn, mirror=mirror)
    run()
    wanted = np.rot90(colours, quarters)  # counts against the clock
    wanted = wanted[:, ::-1] if mirror else wanted
    assert np.array_equal(np.asarray(run.answers.images[0]), wanted)
    (view, *_) = run.display.views
    assert (view.image_rgb.size, view.status.turn) == (wanted.shape[1::-1], turn)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.12])
def test_the_picture_is_turned_by_commands_and_no_answer_is_shown_on_another_turn(seconds: float) -> None:
    run = Run(camera(30), live=True, frames=40 if seconds == 0 else 12)
    run.answers = Shapes(seconds)

    def on_view(view: View) -> None:
        if run.display.views[-2:-1] and run.display.views[-2].prediction.frame // 4 != view.prediction.frame // 4:
            run.commands.put("turn")

    run.display = Display(on_view)
    run()
    shown = [(view.prediction.label, "tall" if view.image_rgb.height > 48 else "wide") for view in run.display.views]
    assert {answer == shape for answer, shape in shown} == {True}
    turns = list(dict.fromkeys(view.status.turn for view in run.display.views))
    assert turns[:3] == [0, 90, 180]
    assert len(run.answers.forgotten_at) >= 2
    shapes = ["tall" if image.height > image.width else "wide" for image in run.answers.images]
    changes = [i for i in range(1, len(shapes)) if shapes[i] != shapes[i - 1]]
    assert run.answers.forgotten_at[: len(changes)] == changes
    assert [record.label for record in run.records] == shapes[: len(run.records)]


def test_a_picture_that_stands_still_is_turned_too_and_answered_once_in_the_records() -> None:
    run = Run(video(10))
    run.answers = Shapes()
    script: dict[tuple[str, int], list[Command]] = {
        ("live", 0): ["toggle-pause"],
        ("paused", 0): ["turn"],
        ("paused", 90): ["toggle-pause"],
    }
    seen: list[tuple[str, int, str]] = []

    def on_view(view: View) -> None:
        shape = "tall" if view.image_rgb.height > 48 else "wide"
        seen.append((view.status.state, view.status.turn, shape))
        if view.prediction.frame == 3 and (shape == "tall") == (view.status.turn == 90):
            for command in script.pop((view.status.state, view.status.turn), []):
                run.commands.put(command)

    run.display = Display(on_view)
    run()
    assert [record.frame for record in run.records] == list(range(10))
    assert [record.label for record in run.records] == ["wide"] * 4 + ["tall"] * 6
    assert ("paused", 90, "tall") in seen


def test_a_recording_is_of_the_turned_picture_and_stays_whole_when_that_is_turned_again(tmp_path: Path) -> None:
    run = Run(video(20), turn=90, record=tmp_path / "out.mp4")
    run.answers = Shapes()
    run.display = Display(lambda view: run.commands.put("turn") if view.prediction.frame == 9 else None)
    run()
    frames = read_clip(tmp_path / "out.mp4")
    assert {image.shape for image in frames} == {(64, 48, 3)}
    assert len(frames) == 20
    assert frames[-1][:10].mean() == pytest.approx(0, abs=8)  # a wide picture in a tall one


@pytest.mark.slow
@pytest.mark.parametrize("live", [True, False])
def test_while_the_last_answer_is_not_taken_no_other_is_begun_and_the_feed_is_shown(*, live: bool) -> None:
    run = Run(camera(60) if live else video(50), live=live)
    taken_at: list[int] = []

    def is_taken() -> bool:
        is_so = len(run.records) < 3 or len(run.display.views) > 30
        if is_so and len(run.records) == 3:
            taken_at.append(len(run.display.views))
        return is_so

    run.is_taken = is_taken
    run.display = Display(lambda view: run.commands.put("quit") if len(run.records) == 5 else None)
    run()
    answers = [view.prediction.frame for view in run.display.views]
    third = run.records[2].frame
    assert answers.count(third) > 20
    assert taken_at[0] > 30
    shown = {shown_frame(view) for view in run.display.views if view.prediction.frame == third}
    assert (len(shown) > 5) == live  # of a video whose every frame is answered, none goes by


def test_the_end_is_held_up_by_an_answer_that_is_not_taken_but_not_that_of_a_command(tmp_path: Path) -> None:
    run = Run(video(3), record=tmp_path / "out.avi")
    run.is_taken = lambda: not run.records
    run.display = Display(lambda view: run.commands.put("quit") if len(run.display.views) > 20 else None)
    run()
    assert len(run.records) == 1
    assert len(run.display.views) == 21
    assert len(read_clip(tmp_path / "out.avi")) == 1


def test_a_command_quits() -> None:
    run = Run(endless(), live=True)
    run.display = Display(lambda view: run.commands.put("quit") if len(run.display.views) == 3 else None)
    run()
    assert len(run.display.views) == 3


def test_a_pause_stands_still_and_loses_no_frame_of_a_video() -> None:
    run = Run(video(10))

    views: list[tuple[int | None, str]] = []

    def on_view(view: View) -> None:
        views.append((view.prediction.frame, view.status.state))
        if (views[-1], views.count(views[-1])) in [((3, "live"), 1), ((3, "paused"), 3)]:
            run.commands.put("toggle-pause")

    run.display = Display(on_view)
    run()
    assert list(dict.fromkeys(views))[:6] == [*((i, "live") for i in range(4)), (3, "paused"), (4, "live")]
    assert views.count((3, "paused")) == 3
    assert [record.frame for record in run.records] == list(range(10))


def test_a_snapshot_is_the_drawn_frame_without_the_status(tmp_path: Path) -> None:
    run = Run(ScriptedSource([frame(128, (320, 240))] * 3, frame_s=1), keep_in=tmp_path / "kept")
    run.commands.put("snapshot")
    status = run()
    (path,) = (tmp_path / "kept").iterdir()
    assert (status.snapshot, run.notes) == (path.name, [f"Snapshot: {path}"])
    pixels = np.asarray(Image.open(path)).astype(int)
    assert (abs(pixels[:30, :60] - 128) > 50).any()
    assert (abs(pixels[60:] - 128) < 8).all()


def test_a_recording_from_the_start_holds_every_frame_at_the_speed_of_the_video(tmp_path: Path) -> None:
    run = Run(video(40, frame_s=1 / 20), record=tmp_path / "out.mp4")
    assert run().recording == "out.mp4"
    assert len(read_clip(tmp_path / "out.mp4")) == 40
    assert run.notes == [f"Recording: {tmp_path / 'out.mp4'}"]


def test_a_recording_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("mine")
    run = Run(video(5), record=tmp_path / "out.mp4")
    run()
    assert (tmp_path / "out.mp4").read_text() == "mine"
    assert len(read_clip(tmp_path / "out-2.mp4")) == 5


def test_recordings_are_begun_and_ended_by_commands(tmp_path: Path) -> None:
    run = Run(video(60), keep_in=tmp_path)
    script: dict[int, Command] = {
        9: "record",
        19: "record",
        29: "stop-recording",
        39: "toggle-recording",
        49: "toggle-recording",
    }

    def on_view(view: View) -> None:
        command = script.pop(view.prediction.frame, None)
        if command is not None:
            run.commands.put(command)

    run.display = Display(on_view)
    status = run()
    assert sorted(len(read_clip(path)) for path in tmp_path.iterdir()) == [10, 20]
    assert status.recording is None
    recording: dict[int, bool] = {}  # when each frame was first shown
    for view in run.display.views:
        recording.setdefault(view.prediction.frame, view.status.recording is not None)
    assert [i for i in range(1, 60) if recording[i] != recording[i - 1]] == [10, 30, 40, 50]


def test_a_recording_that_was_asked_for_and_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be recorded"):
        Run(video(5), record=tmp_path / "gone" / "out.mp4")()


def test_the_folder_for_what_is_kept_is_made(tmp_path: Path) -> None:
    run = Run(video(20), keep_in=tmp_path / "new")
    run.commands.put("snapshot")
    run.commands.put("record")
    run()
    assert sorted(path.suffix for path in (tmp_path / "new").iterdir()) == [".jpg", ".mp4"]


def test_what_cannot_be_kept_later_is_said_and_the_feed_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = Run(video(20), keep_in=tmp_path / "file")
    run.commands.put("record")
    run.commands.put("snapshot")
    status = run()
    assert status.answered == 20
    assert [note.split(" ")[0] for note in run.notes] == ["Error:", "Error:"]
    assert status.trouble.endswith("cannot be written: File exists")


def test_a_pause_is_left_out_of_the_recording(tmp_path: Path) -> None:
    times_s = [*(i / 20 for i in range(30)), *(5 + i / 20 for i in range(10))]  # of a video that plays meanwhile
    source = ScriptedSource(map(frame, range(40)), frame_s=1 / 20, pause_s=0, times_s=times_s)
    run = Run(source, record=tmp_path / "out.avi")

    def on_view(view: View) -> None:
        if view.prediction.frame == 29 and view.status.state == "live":
            run.commands.put("toggle-pause")
            run.commands.put("toggle-pause")

    run.display = Display(on_view)
    run()
    assert len(read_clip(tmp_path / "out.avi")) == 40


def test_a_frame_of_a_video_that_stands_for_long_is_recorded_as_long(tmp_path: Path) -> None:
    source = ScriptedSource(map(frame, range(3)), frame_s=1 / 20, pause_s=0, times_s=[0, 4, 4.05])
    Run(source, record=tmp_path / "out.avi")()
    assert len(read_clip(tmp_path / "out.avi")) == 82


class FullAfter:
    """A disk with room for so many frames more."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def shortage(self, needed_bytes: int) -> str | None:
        self.frames -= 1
        return None if self.frames >= 0 else "its disk is full"


def test_a_disk_that_fills_up_ends_the_feed_whose_recording_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "DiskRoom", lambda path: FullAfter(11))
    run = Run(video(40, frame_s=1 / 20), record=tmp_path / "out.mp4")
    with pytest.raises(OutputError, match=r"out\.mp4 ends after 0\.5 s: its disk is full$"):
        run()
    assert len(read_clip(tmp_path / "out.mp4")) == 10
    assert run.notes == [f"Recording: {tmp_path / 'out.mp4'}"]


def test_a_disk_that_fills_up_ends_only_a_recording_that_was_asked_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "DiskRoom", lambda path: FullAfter(11))
    run = Run(video(40, frame_s=1 / 20), keep_in=tmp_path)
    run.commands.put("record")
    status = run()
    (path,) = tmp_path.iterdir()
    assert status.answered == 40
    assert (status.recording, status.trouble) == (None, f"{path} ends after 0.5 s: its disk is full")
    assert run.notes == [f"Recording: {path}", f"Error: {status.trouble}"]
    assert len(read_clip(path)) == 10


def test_a_recording_that_goes_missing_is_an_error(tmp_path: Path) -> None:
    run = Run(video(40, frame_s=1 / 20), record=tmp_path / "out.mp4")
    run.display = Display(lambda view: (tmp_path / "out.mp4").unlink(missing_ok=view.prediction.frame != 9))
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be written any more: No such file or directory$"):
        run()


def test_a_lost_camera_is_shown_as_lost_and_its_recording_can_be_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "FIRST_RETRY_S", 0.3)
    run = Run(lambda: ScriptedSource(map(frame, range(10)), pause_s=0.02), live=True, record=tmp_path / "out.avi")
    run.capture = Capture(
        lambda: ScriptedSource([*map(frame, range(10))] if not run.records else [], pause_s=0.02),
        name="cam",
        timeout_s=0.2,
        retries=1,
    )
    with pytest.raises(CameraLostError):
        run()
    states = [view.status.state for view in run.display.views]
    assert states[0] == "live"
    assert states.count("lost") > 2
    assert len(read_clip(tmp_path / "out.avi")) > 3


def test_bad_frames_do_not_disturb() -> None:
    script = ScriptedSource([step for i in range(10) for step in (frame(i), bad())], frame_s=0.1)
    status = Run(script)()
    assert (status.answered, status.counts.bad) == (10, 10)


def test_frames_may_change_their_size(tmp_path: Path) -> None:
    sizes = cycle([(64, 48), (33, 21), (640, 480)])
    script = ScriptedSource([frame(i, next(sizes)) for i in range(9)], frame_s=1 / 30)
    status = Run(script, record=tmp_path / "out.mp4")()
    assert status.answered == 9
    assert {image.shape for image in read_clip(tmp_path / "out.mp4")} == {(48, 64, 3)}
