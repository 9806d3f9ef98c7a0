"""The benchmark of the live feed, run short on the tiny model; its figures mean nothing here."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.pages.blocks import fill
from benchmarks.pages.tables.webcam import webcam_table
from benchmarks.webcam import feed, measure
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.webcam.view import FeedStatus, View
from tests.edge_infer.webcam.conftest import prediction
from tests.support.tiny_model import write_tiny_model

PARTS = {
    "gems": {"fps": 29.9, "fps_full_speed": 80.0, "latency_ms_p95": 12.5},
    "slowed": {"oldest_until_replaced_ms": 451.0},
    "soak": {"growth_mb": 1.25, "threads_left": 0, "files_left": 1},
}


def test_what_must_hold_is_judged() -> None:
    judged = {what: (value, holds) for what, value, _, holds in measure.verdicts(PARTS)}
    assert judged == {
        "gems: frames answered per second, of 30": (29.9, True),
        "gems: frames per second at full speed": (80.0, True),
        "gems: latency p95, ms": (12.5, True),
        "oldest displayed frame, classifier slowed to 200 ms, ms": (451.0, False),
        "growth of memory in the long run, MB": (1.25, True),
        "threads left over": (0, True),
        "open files left over": (1, False),
    }


def test_a_watcher_tells_frames_from_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, image, answer = feed.Watcher(), Image.new("RGB", (8, 8)), prediction()
    for i in range(100):  # ten frames a second, each shown after 50 ms; every fifth brings an answer
        monkeypatch.setattr(feed.time, "monotonic", lambda i=i: 0.05 + i / 10)
        status = FeedStatus(source="cam", answered=i // 5 + 1, latencies_ms=(250.0,), answer_ms=200.0)
        watcher.show(View(image, i / 10, answer, status))
        watcher.show(View(image, i / 10, answer, status))
    assert watcher.figures() == {
        "fps": 2.0,
        "shown_fps": 10.0,
        "latency_ms_p50": 250.0,
        "latency_ms_p95": 250.0,
        "latency_ms_p99": 250.0,
        "model_ms_p50": 200.0,
        "oldest_when_shown_ms": 50.0,
        "oldest_until_replaced_ms": 150.0,
    }


def test_the_table_is_written_into_its_place_only() -> None:
    page = "a\n<!-- table: webcam -->\nold\n<!-- end of table -->\n<!-- table: b -->\nb\n<!-- end of table -->\n"
    assert fill(
        page, {"table: webcam": webcam_table({"slowed": {"figures": {"oldest_until_replaced_ms": 451.0}}})}
    ) == (
        "a\n<!-- table: webcam -->\n| what | measured | must be | holds |\n| --- | --- | --- | --- |\n"
        "| oldest displayed frame, classifier slowed to 200 ms, ms | 451 | < 450 | no |\n<!-- end of table -->\n"
        "<!-- table: b -->\nb\n<!-- end of table -->\n"
    )


@pytest.mark.slow
def test_every_part_can_be_measured_and_the_others_are_kept(
    tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WARM_UP_S", 0.3)
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    faces = write_tiny_model(tmp_path / "skin.onnx", name="skin", task="skin", input=spec)
    path = tmp_path / "measure.json"
    elsewhere = {"command": "python here", "machine": {"cpu": "another"}, "figures": {"cpu_ms_per_frame": 1.0}}
    path.write_text(json.dumps({"parts": {"cost": elsewhere}}))
    wanted = [f"--part={part}" for part in measure.PARTS if part != "cost"]
    models = ["--gems", str(tiny_model_path), "--gender", str(faces)]
    done = CliRunner().invoke(
        measure.main, [*wanted, *models, "--seconds", "2", "--frames", "300", "--json", str(path)]
    )
    assert done.exception is None
    kept = json.loads(path.read_text())["parts"]
    assert set(kept) == set(measure.PARTS)
    assert kept["cost"] == elsewhere
    for name in set(kept) - {"cost"}:
        assert {"cpu", "cores", "opencv"} <= kept[name]["machine"].keys()
        assert kept[name]["command"].startswith("python ")
    parts = {name: part["figures"] for name, part in kept.items()}
    assert 5 < parts["gems"]["fps"] < 35
    assert parts["slowed"]["model_ms_p50"] == pytest.approx(200, abs=40)
    assert parts["slowed"]["oldest_until_replaced_ms"] < 450
    assert parts["slowed"]["shown_fps"] > 2 * parts["slowed"]["fps"]
    assert (parts["soak"]["frames"], parts["soak"]["threads_left"], parts["soak"]["files_left"]) == (300, 0, 0)
    assert len(measure.verdicts(parts)) == 11
