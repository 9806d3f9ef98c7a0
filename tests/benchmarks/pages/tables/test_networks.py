"""The tables of a task's networks in docs/models.md, from results of known figures."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.pages import catalogue
from benchmarks.pages.catalogue import ROOT, TASKS, all_tables, task_tables
from benchmarks.pages.tables.networks import NETWORKS, cost_table, quality_table
from train.files import write_json


def quality_row(*, slim: bool, size: int | None) -> dict[str, Any]:
    row = {
        "macs": 2_200_000_000 if slim else 15_346_630_656,
        "parameters": 4_300_000 if slim else 14_724_938,
        "bytes": size,
        "test": {"photos": 43, "right": 42, "accuracy": 42 / 43, "accuracy_95": [0.879, 0.996]},
        "kfold": {"mean_accuracy": 0.984, "mean_accuracy_95": [0.966, 1.0]},
        "ece_held_out": 0.0096,
        "agreement_held_out": {"count": 1832, "of": 1875, "share": 1832 / 1875},
        "off_task": {"auroc": 0.98765, "auroc_95": [0.98, 0.995]},
    }
    return row | ({"other": {"agreement": {"count": 223, "of": 238, "share": 223 / 238}}} if slim else {})


QUALITY = {
    "rows": {
        key: quality_row(slim=key.startswith("slim"), size=None if "Keras" in key else 3_850_000)
        for _, key, _ in NETWORKS
    }
}


def timing(keras: float, onnx: float | None) -> dict[str, Any]:
    return {"times_keras": {"ratio": keras}, "times_onnx_fp32": None if onnx is None else {"ratio": onnx}}


COMPARED = {
    "threads": [1, 2],
    "default_threads": 2,
    "rows": {
        runtime: {
            "threads": {"default": timing(1, 0.48)}
            if "Keras" in runtime
            else {"1": timing(1.107, 1), "2": timing(20.849, None)}
        }
        for _, _, runtime in NETWORKS
    },
}


def test_quality_is_shares_with_intervals_and_what_was_not_measured_says_so() -> None:
    lines = quality_table(QUALITY).splitlines()
    assert len(lines) == 2 + 5
    kfold, auroc = "98.4% (96.6%-100.0%)", "0.988 (0.980-0.995)"
    measured = f"42/43, 97.7% (87.9%-99.6%) | {kfold} | 97.7%"
    assert lines[2] == f"| Keras | {measured} | not measured | 0.010 | {auroc} |"
    assert lines[-1] == f"| slim, ONNX int8 | {measured} | 223/238, 93.7% | 0.010 | {auroc} |"


def test_cost_is_sizes_and_ratios() -> None:
    lines = cost_table(QUALITY, COMPARED).splitlines()
    assert lines[0] == (
        "| network | MACs | parameters | file | 1 thread, x Keras | x ONNX fp32 | 2 threads, x Keras | x ONNX fp32 |"
    )
    assert lines[2] == "| Keras | 15.35 G | 14.72 M |  |  |  | 1 | 0.48 |"
    assert lines[-1] == "| slim, ONNX int8 | 2.20 G | 4.30 M | 3.85 MB | 1.11 | 1 | 20.8 |  |"


def test_a_table_is_written_once_its_results_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "RESULTS", tmp_path)
    assert task_tables("gems") == {}
    write_json(tmp_path / "models" / "gems.json", QUALITY)
    assert list(task_tables("gems")) == ["gems-quality"]
    write_json(tmp_path / "compare" / "gems.json", COMPARED)
    assert list(task_tables("gems")) == ["gems-quality", "gems-cost"]


def test_the_page_holds_the_tables_of_the_kept_results() -> None:
    page, tables = (ROOT / "docs" / "models.md").read_text(encoding="utf-8"), all_tables()
    measured = {f"{task}-{kind}" for task in TASKS for kind in ("quality", "cost")} & tables.keys()
    assert "gender-quality" in measured
    bundled = {f"bundled-{kind}" for kind in ("summary", "kinds", "classes")}
    for name in {"gender", "gender-breakdown", "faces"} | bundled | measured:
        assert f"<!-- table: {name} -->\n{tables[name]}" in page
