"""The page's table of latencies says what the kept result says."""

from benchmarks.pages.tables.latency import latency_table


def model(ratio: float) -> dict:
    return {
        "stages": {},
        "threads": {
            "1": {
                "classify_ms": {"p50": 4.0, "p90": 5.04, "p99": 6.0},
                "classify_over_session_run": {"ratio": ratio},
            }
        },
        "cold_start": {"classify_ms": {"p50": 209.6}, "classify_over_imports": {"ratio": 2.0}},
        "folder": {"photos_a_second": {"classify_many": 247.9}, "share_of_network": {"ratio": 0.9}},
        "independent_ms": 4.0,
    }


def test_times_ratios_bounds_and_what_does_not_hold():
    lines = latency_table({"gems": model(1.25)}).splitlines()
    assert lines[2:] == [
        "| gems: p50 (p90, p99), 1 thread | 4.0 ms (5.0, 6.0) |  |  |",
        "| gems: whole process | 210 ms |  |  |",
        "| gems: folder | 248 photos/s |  |  |",
        "| gems: edge-infer classify / bare imports | 2.00 | at most 2.2 | yes |",
        "| gems: folder / bare network, photos a second | 0.90 | at least 0.8 | yes |",
        "| gems: classify / session.run, p50, 1 thread | 1.25 | at most 1.1 | no |",
        "| gems: independent p50 / this one | 1.00 | at least 0.95, at most 1.05 | yes |",
    ]
