"""Measure the live feed: speed, latency, its own cost, viewers, and what a long run leaves behind.

    python -m benchmarks.webcam.measure                          # everything, with the bundled models
    python -m benchmarks.webcam.measure --part soak --frames 100000
    python -m benchmarks.pages                                   # write its table into the docs

The source is a video file, 640x480 at 30 frames per second, read like a camera: as a frame
comes, or as fast as it can be read for the soak. Faces in it are drawn. Parts that are not
measured again keep their figures in the JSON, and the machine that they were measured on.
"""

import json
import os
import statistics
import tempfile
import time
from multiprocessing import resource_tracker
from pathlib import Path
from queue import SimpleQueue

import click
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.webcam.feed import SIZE, NoModel, Sampler, Slowed, Watcher, run_feed, watched_page, write_clip
from edge_infer import Classifier
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.live import LiveOptions
from edge_infer.webcam.opencv import load_cv2
from edge_infer.webcam.view import Command, View
from train.console import run as run_command
from train.files import read_json, write_json

RESULTS = Path(__file__).parents[1] / "results" / "webcam.json"
SLOW_S = 0.2
VIEWERS = 20
SOAK_WARM_UP = 0.05  # of the frames


def measure_speed(model: str, clip: Path, seconds: float) -> dict[str, float]:
    """Measure a model on a camera of 30 frames per second with one viewer, and without either."""
    classifier = Classifier(model, spinning=False, second_look="never")
    figures = {}
    with watched_page(reading=1) as server:
        watcher = Watcher()
        run_feed(VideoClassifier(classifier), clip, [server, watcher], seconds)
        figures = watcher.figures()
    watcher = Watcher()
    run_feed(VideoClassifier(classifier), clip, [watcher], seconds, full_speed=True)
    return {**figures, "fps_full_speed": watcher.figures()["fps"]}


def measure_own_cost(model: str, clip: Path, seconds: float) -> dict[str, float]:
    """Measure the processor time of a frame without the model: decoding, capture, drawing, JPEG, HTTP."""
    nothing = NoModel(
        VideoClassifier(Classifier(model, second_look="never")), picture_with_faces(SIZE, [(240, 130, 170)])
    )
    cost: dict[str, list[float]] = {"wall": [], "cpu": []}

    def note(view: View) -> None:
        cost["cpu"].append(time.process_time())
        cost["wall"].append(view.status.latency_ms - view.status.answer_ms)

    with watched_page(reading=1) as server:
        run_feed(nothing, clip, [server, Sampler(note)], seconds)
    begin = len(cost["cpu"]) // 4  # the warm-up
    frames = len(cost["cpu"]) - 1 - begin
    return {
        "frames": frames,
        "cpu_ms_per_frame": round((cost["cpu"][-1] - cost["cpu"][begin]) / frames * 1e3, 3),
        "wall_ms_p50": round(statistics.median(cost["wall"][begin:]), 3),
    }


def measure_slowed(model: str, clip: Path, seconds: float) -> dict[str, float]:
    """Measure how old the displayed frame gets with a classifier slowed to 200 ms."""
    classifier = VideoClassifier(Classifier(model, spinning=False, second_look="never"))
    with watched_page(reading=1) as server:
        watcher = Watcher()
        run_feed(Slowed(classifier, SLOW_S), clip, [server, watcher], seconds)
    return watcher.figures()


def measure_viewers(model: str, clip: Path, seconds: float) -> dict[str, float]:
    """Compare the loop's speed without viewers and with 20, half of them not reading, in turn."""
    classifier = Classifier(model, spinning=False, second_look="never")
    fps: dict[int, list[float]] = {0: [], VIEWERS: []}
    for _ in range(2):
        for viewers, measured in fps.items():
            with watched_page(reading=viewers // 2, silent=viewers // 2) as server:
                watcher = Watcher()
                run_feed(VideoClassifier(classifier), clip, [server, watcher], seconds / 2)
            measured.append(watcher.figures()["fps"])
    alone, crowded = (statistics.mean(measured) for measured in fps.values())
    return {
        "fps_without_viewers": round(alone, 2),
        f"fps_with_{VIEWERS}": round(crowded, 2),
        "fall_percent": round(100 * (1 - crowded / alone), 2),
    }


def measure_soak(model: str, clip: Path, frames: int) -> dict[str, float]:
    """Run many frames at full speed, with a viewer and recordings begun and ended, and see what is left behind."""
    classifier = VideoClassifier(Classifier(model, spinning=False, second_look="never"))
    classifier.answer(Image.new("RGB", SIZE), 0.0)  # onnxruntime's memory and threads are no leak
    commands: SimpleQueue[Command] = SimpleQueue()
    samples: list[float] = []
    every = max(frames // 200, 1)

    def note(view: View) -> None:
        if view.status.answered % every == 0:
            samples.append(_resident_mb())
        if view.status.answered % (10 * every) == 0:
            commands.put("toggle-recording")

    resource_tracker.ensure_running()  # multiprocessing's, which stays
    before = _threads_and_files()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, watched_page(reading=1) as server:
        options = LiveOptions(frames=frames, keep_in=Path(folder))
        run_feed(classifier, clip, [server, Sampler(note)], 0, full_speed=True, commands=commands, options=options)
    took_s = time.monotonic() - began
    time.sleep(1)  # for the kernel to end threads
    after = _threads_and_files()
    steady = samples[round(len(samples) * SOAK_WARM_UP) :]
    return {
        "frames": frames,
        "minutes": round(took_s / 60, 1),
        "resident_mb": round(steady[0], 1),
        "growth_mb": round(steady[-1] - steady[0], 2),
        "threads_left": after[0] - before[0],
        "files_left": after[1] - before[1],
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _threads_and_files() -> tuple[int, int]:
    threads, files = (len(list(Path("/proc/self", kind).iterdir())) for kind in ("task", "fd"))
    return threads, files


def verdicts(parts: dict[str, dict[str, float]]) -> list[tuple[str, float, str, bool]]:
    """Return each figure that must hold and was measured: what, how much, the bound, whether it holds.

    Args:
        parts: Figures by part.
    """
    bounds = [
        ("gems: frames answered per second, of 30", "gems", "fps", ">= 29.5"),
        ("gems: frames per second at full speed", "gems", "fps_full_speed", ">= 30"),
        ("gems: latency p95, ms", "gems", "latency_ms_p95", "< 80"),
        ("gender, one face: frames answered per second, of 30", "gender", "fps", ">= 25"),
        ("gender, one face: latency p95, ms", "gender", "latency_ms_p95", "< 80"),
        ("the loop's own processor time per frame, ms", "cost", "cpu_ms_per_frame", "< 8"),
        ("oldest displayed frame, classifier slowed to 200 ms, ms", "slowed", "oldest_until_replaced_ms", "< 450"),
        ("fall of the frame rate with 20 viewers, %", "viewers", "fall_percent", "< 10"),
        ("growth of memory in the long run, MB", "soak", "growth_mb", "< 10"),
        ("threads left over", "soak", "threads_left", "<= 0"),
        ("open files left over", "soak", "files_left", "<= 0"),
    ]
    return [
        (what, parts[part][name], bound, _holds(parts[part][name], bound))
        for what, part, name, bound in bounds
        if name in parts.get(part, {})
    ]


def _holds(value: float, bound: str) -> bool:
    sign, limit = bound.split()
    return {">=": value >= float(limit), "<": value < float(limit), "<=": value <= float(limit)}[sign]


PARTS = ("gems", "gender", "cost", "slowed", "viewers", "soak")


@click.command()
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Measure only this; may be repeated.")
@click.option("--gems", default="gems", show_default=True, metavar="MODEL", help="Name or file.")
@click.option("--gender", default="gender", show_default=True, metavar="MODEL", help="Name or file.")
@click.option("--seconds", type=click.FloatRange(1), default=20, show_default=True, help="Length of each run.")
@click.option("--frames", type=click.IntRange(100), default=100_000, show_default=True, help="Frames of the soak.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=RESULTS, help="Keep the figures here.")
def main(parts: tuple[str, ...], gems: str, gender: str, seconds: float, frames: int, json_path: Path) -> None:
    """Measure the live feed."""
    kept = read_json(json_path, "parts") if json_path.exists() else {"parts": {}}
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.avi")
        measures = {
            "gems": lambda: measure_speed(gems, clip, seconds),
            "gender": lambda: measure_speed(gender, clip, seconds),
            "cost": lambda: measure_own_cost(gems, clip, seconds),
            "slowed": lambda: measure_slowed(gems, clip, seconds),
            "viewers": lambda: measure_viewers(gems, clip, seconds),
            "soak": lambda: measure_soak(gems, clip, frames),
        }
        for part in parts or PARTS:
            click.echo(f"Measuring {part}", err=True)
            described = {**machine(), "opencv": load_cv2().__version__}
            kept["parts"][part] = {"command": typed_command(), "machine": described, "figures": measures[part]()}
            write_json(json_path, {"parts": kept["parts"]})
    figures = {name: part["figures"] for name, part in kept["parts"].items()}
    click.echo(json.dumps(figures, indent=1))
    for what, value, bound, holds in verdicts(figures):
        click.echo(f"{'holds' if holds else 'FAILS'}  {what}: {value} ({bound})", err=True)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.webcam.measure", interrupted="Interrupted; what is measured is kept.")
