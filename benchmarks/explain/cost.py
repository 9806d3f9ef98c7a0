"""What an explanation costs: beside a plain answer, and on a live feed."""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.harness.samples import summarize_ms
from benchmarks.harness.timing import interleave
from benchmarks.webcam.feed import Watcher, run_feed, watched_page, write_clip
from edge_infer import Classifier
from edge_infer.webcam.answers.video_classifier import VideoClassifier
from edge_infer.webcam.view import Command

ALLOWED_RATIO = 1.5
ALLOWED_FPS = 25.0


def times(model: str, photos: Sequence[Path], rounds: int) -> dict[str, Any]:
    """Return how long `classify` and `explain` take for the same photos, in turn."""
    classifier = Classifier(model, second_look="never")
    seconds = interleave(
        {
            "classify": lambda: [classifier.classify(photo) for photo in photos],
            "explain": lambda: [classifier.explain(photo) for photo in photos],
        },
        rounds,
    )
    per_photo = {name: [value / len(photos) for value in values] for name, values in seconds.items()}
    ratios = [e / c for c, e in zip(seconds["classify"], seconds["explain"], strict=True)]
    return {
        "photos": len(photos),
        "rounds": rounds,
        **{name: summarize_ms(values) for name, values in per_photo.items()},
        "ratio_p50": statistics.median(ratios),
        "allowed_ratio": ALLOWED_RATIO,
    }


def live(model: str, seconds: float) -> dict[str, Any]:
    """Return the feed's figures with one viewer, without and with the map, on a camera of 30 frames a second."""
    classifier = Classifier(model, spinning=False, second_look="never")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.avi")
        for name in ("plain", "with_map"):
            commands: SimpleQueue[Command] = SimpleQueue()
            if name == "with_map":
                commands.put("toggle-map")
            watcher = Watcher()
            with watched_page(reading=1) as server:
                run_feed(VideoClassifier(classifier), clip, [server, watcher], seconds, commands=commands)
            figures[name] = watcher.figures()
    return {**figures, "allowed_fps": ALLOWED_FPS}
