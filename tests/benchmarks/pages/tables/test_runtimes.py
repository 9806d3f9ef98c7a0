"""README's table of times is of the package, not of the bare network."""

from typing import Any

from benchmarks.pages.catalogue import RESULTS, TASKS
from benchmarks.pages.tables.runtimes import package_table
from edge_infer.model_file.registry import bundled_models
from train.files import read_json


def timing(p50: float, keras: float, onnx: float) -> dict[str, Any]:
    return {"ms": {"p50": p50}, "times_keras": {"ratio": keras}, "times_onnx_fp32": {"ratio": onnx}}


def test_times_of_the_package_are_shown_beside_what_they_replace() -> None:
    rows = {
        "ONNX Runtime int8, slim": {"threads": {"1": timing(1.0, 50, 28.4), "2": timing(0.7, 91, 25)}},
        "edge-infer int8, slim": {"threads": {"1": timing(1.162, 51.7, 27.7457), "2": timing(1.21, 49.6591, 13.7)}},
    }
    lines = package_table({"gender": {"default_threads": 2, "rows": rows}}).splitlines()
    assert lines == [
        "| bundled, one photo through `Classifier`, two cores | `gender`, without finding the face |",
        "| --- | --- |",
        "| 1 thread, against the full fp32 network in onnxruntime | 1.2 ms, 27.7 times as fast |",
        "| 2 threads, against `keras.Model.predict` | 1.2 ms, 49.7 times as fast |",
    ]


def test_the_kept_comparison_is_of_the_bundled_models() -> None:
    for task in TASKS:
        file = read_json(RESULTS / "compare" / f"{task}.json")["files"]["slim int8"]
        assert file["sha256"] == bundled_models()[task].sha256
