import numpy as np
import pytest

from benchmarks.harness.samples import median, needed_samples, ratio_of_medians, summarize_ms


@pytest.mark.parametrize(("percentile", "samples"), [(50, 11), (90, 64), (95, 130), (99, 662)])
def test_how_many_samples_a_percentile_needs(percentile: float, samples: int) -> None:
    assert needed_samples(percentile) == samples


def test_times_are_summarized_in_milliseconds() -> None:
    summary = summarize_ms([0.001, 0.002, 0.003, 0.004, 0.010])
    low, high = summary.pop("p50_95")
    assert summary == {"runs": 5, "p50": 3.0, "mad": 1.0, "p25": 2.0, "p75": 4.0, "p90": None, "p99": None}
    assert (low, high) == (1.0, 10.0)


def test_a_percentile_is_told_only_of_enough_samples() -> None:
    seconds = list(np.linspace(0, 1, 662))
    assert summarize_ms(seconds[:63])["p90"] is None
    assert summarize_ms(seconds[:64])["p90"] is not None
    assert summarize_ms(seconds[:661])["p99"] is None
    assert summarize_ms(seconds)["p99"] == pytest.approx(990, abs=1)


def test_the_interval_holds_the_true_median_and_shrinks() -> None:
    rng = np.random.default_rng(3)
    few, many = (rng.normal(0.01, 0.001, (rounds, 20)).tolist() for rounds in (5, 200))
    (low, high), (lower, higher) = summarize_ms(few)["p50_95"], summarize_ms(many)["p50_95"]
    assert low < 10 < high
    assert lower < 10 < higher
    assert higher - lower < (high - low) / 3


def test_runs_of_one_round_count_as_one_when_they_share_what_the_machine_did() -> None:
    slow_and_fast = [[0.01] * 50, [0.02] * 50, [0.01] * 50, [0.02] * 50]
    assert summarize_ms(slow_and_fast)["p50_95"] == [10.0, 20.0]


def test_a_ratio_of_contenders_that_took_turns_is_free_of_what_slowed_both() -> None:
    drift = np.linspace(1, 3, 30)  # the machine gets three times as slow
    above, below = (1.5 * drift).tolist(), drift.tolist()
    ratio = ratio_of_medians(above, below)
    assert ratio["ratio"] == 1.5
    assert ratio["ratio_95"] == pytest.approx([1.5, 1.5], abs=1e-3)
    assert median([[1.0, 2.0], [3.0, 10.0]]) == 2.5
