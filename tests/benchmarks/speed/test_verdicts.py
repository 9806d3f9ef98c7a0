import copy
from typing import Any

import pytest

from benchmarks.harness.machine import NotMeasuredError
from benchmarks.speed.latency_table import changes_text, figure_row
from benchmarks.speed.verdicts import changes_since, check_same_machine, ratios


def summary(p50: float) -> dict[str, Any]:
    return {"p50": p50, "p50_95": [p50, p50]}


MODEL: dict[str, Any] = {
    "bytes": 3_000_000,
    "independent_ms": 5.2,
    "stages": {"decode_ms": summary(1.0)},
    "cold_start": {"classify_over_imports": {"ratio": 2.0}, "classify_ms": summary(300.0)},
    "folder": {"share_of_network": {"ratio": 0.85}, "photos_a_second": {"classify_many": 180.0}},
    "threads": {
        "1": {
            "classify_ms": summary(8.0),
            "classify_over_session_run": {"ratio": 1.3},
            "peak_memory_mb": 100.0,
        },
        "2": {
            "classify_ms": summary(5.0),
            "classify_over_session_run": {"ratio": 1.02},
            "peak_memory_mb": None,
        },
    },
}
NOTHING: dict[str, Any] = dict.fromkeys(MODEL)


def changed(**changes: Any) -> dict[str, Any]:
    return {"gems": copy.deepcopy(MODEL) | changes}


def test_the_ratios_are_held_against_their_bounds() -> None:
    assert [figure_row(figure) for figure in ratios({"gems": MODEL})] == [
        ("gems: edge-infer classify / bare imports", "2", "at most 2.2", "yes"),
        ("gems: folder / bare network, photos a second", "0.85", "at least 0.8", "yes"),
        ("gems: classify / session.run, p50, 2 threads", "1.02", "at most 1.1", "yes"),
        ("gems: independent p50 / this one", "1.04", "at least 0.95, at most 1.05", "yes"),
    ]


def test_what_does_not_hold_is_told() -> None:
    slow = changed(independent_ms=5.3, folder={"share_of_network": {"ratio": 0.79}})
    assert [figure.holds for figure in ratios(slow)] == [True, False, True, False]


def test_a_model_of_faces_is_not_judged_by_the_bounds_of_the_others() -> None:
    faces = changed(stages={"faces_ms": summary(9.0)}, cold_start={"classify_over_imports": {"ratio": 3.0}})
    assert [figure.holds for figure in ratios(faces)] == [None, None, True, True]


def test_what_was_not_measured_neither_holds_nor_fails() -> None:
    assert [(figure.value, figure.holds) for figure in ratios({"gems": NOTHING})] == [(None, None)] * 4


def test_losses_are_told_whichever_way_is_worse() -> None:
    later = changed(
        bytes=2_700_000, folder={"share_of_network": {"ratio": 0.85}, "photos_a_second": {"classify_many": 150.0}}
    )
    losses = {change.name: change.loss for change in changes_since(later, changed())}
    assert losses["gems: bytes"] == -0.1
    assert losses["gems: folder, photos a second"] == 0.2
    assert losses["gems: p50, 2 threads, ms"] == 0
    assert "gems: peak memory, 1 thread, MB" in losses
    assert "gems: peak memory, 2 threads, MB" not in losses


def test_changes_are_shown_with_the_largest_of_a_ratio() -> None:
    later = changed(cold_start={"classify_over_imports": {"ratio": 2.06}, "classify_ms": summary(345.0)})
    lines = changes_text(changes_since(later, changed()), threshold=0.1).splitlines()
    assert [" ".join(line.split()) for line in lines if "+" in line and "(+0.0%)" not in line] == [
        "gems: edge-infer classify / bare imports: 2 -> 2.06 (+3.0%)",
        "gems: edge-infer classify, ms: 300 -> 345 (+15.0%) WORSE",
    ]
    assert lines[-1] == "largest change of a ratio: 3.0%"


def test_models_without_a_figure_in_common_have_no_changes() -> None:
    assert changes_since(changed(), {"gems": NOTHING}) == []
    assert changes_since({"gems": NOTHING}, changed()) == []


def test_results_of_two_machines_are_not_compared() -> None:
    here = {"cpu": "a", "flags": [], "cores": 2, "cores_of_machine": 2, "architecture": "x86_64"}
    check_same_machine(here, {**here, "python": "3.14"})
    with pytest.raises(NotMeasuredError, match="its cores is 4, here it is 2"):
        check_same_machine(here, {**here, "cores": 4})
