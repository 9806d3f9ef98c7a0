"""The tables of the rival say what the kept results say."""

from typing import Any

from benchmarks.pages.tables.rival import lead_table, ratio_table, rival_table
from benchmarks.rival.row_names import BUNDLED, FULL_NETWORK, SLIM_NETWORK, rival_row

LITE0 = rival_row("int8, 7-bit")


def timed(p50: float, size: int, ratio: float) -> dict[str, Any]:
    times = {BUNDLED: {"ratio": ratio, "ratio_95": [ratio - 0.1, ratio + 0.1]}}
    return {
        "bytes": size,
        "threads": {"1": {"ms": {"p50": p50}, "times": times}, "2": {"ms": {"p50": p50 / 2}, "times": times}},
    }


def folded(elsewhere: float, low: float, high: float, own: float, right: int) -> dict[str, Any]:
    test = {"right": right, "photos": 43}
    return {"elsewhere": elsewhere, "elsewhere_95": [low, high], "own": own, "test": test}


FAST = {
    "rows": {FULL_NETWORK: timed(100, 59_000_000, 20), BUNDLED: timed(5, 4_600_000, 1), LITE0: timed(4, 3_800_000, 0.8)}
}
AHEAD = {
    FULL_NETWORK: {"difference": 0.0788, "difference_95": [-0.004, 0.12]},
    SLIM_NETWORK: {"difference": 0.05, "difference_95": [0.01, 0.09]},
}
RIGHT = {
    "rows": {
        FULL_NETWORK: folded(0.8288, 0.778, 0.871, 0.984, 43),
        SLIM_NETWORK: folded(0.8, 0.75, 0.85, 0.98, 42),
        LITE0: folded(0.75, 0.7, 0.8, 0.97, 42) | {"ours_less_this": AHEAD},
    }
}


def test_each_file_has_its_figures_and_new_heads_on_the_bundled_base_a_row_of_their_own() -> None:
    assert rival_table(RIGHT, FAST).splitlines()[2:] == [
        "| our full network, fp32 | 82.9% (78%-87%) | 98.4% | 43/43 | 59.0 MB | 100.0 ms | 50.0 ms |",
        "| base of our bundled gems, new heads, fp32 | 80.0% (75%-85%) | 98.0% | 42/43 |  |  |  |",
        "| our bundled gems, int8 |  |  |  | 4.6 MB | 5.0 ms | 2.5 ms |",
        "| EfficientNet-Lite0, int8, 7-bit | 75.0% (70%-80%) | 97.0% | 42/43 | 3.8 MB | 4.0 ms | 2.0 ms |",
    ]


def test_leads_are_of_both_our_networks_over_each_of_the_rivals() -> None:
    assert lead_table(RIGHT).splitlines() == [
        "| ahead of | our full network, fp32 | base of our bundled gems, new heads, fp32 |",
        "| --- | --- | --- |",
        "| EfficientNet-Lite0, int8, 7-bit | 7.9 points (-0.4 to 12.0) | 5.0 points (1.0 to 9.0) |",
    ]


def test_ratios_are_of_the_bundled_network_against_the_others() -> None:
    assert ratio_table(FAST).splitlines() == [
        "| our bundled gems, int8, times as fast as | 1 thread | 2 threads |",
        "| --- | --- | --- |",
        "| our full network, fp32 | 20.00 (19.90-20.10) | 20.00 (19.90-20.10) |",
        "| EfficientNet-Lite0, int8, 7-bit | 0.80 (0.70-0.90) | 0.80 (0.70-0.90) |",
    ]
