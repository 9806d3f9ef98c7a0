"""The tables of bulk jobs follow from the measured rates."""

from benchmarks.bulk import KILLS, PICTURES, SHARE_OF_CLASSIFY
from benchmarks.pages.catalogue import RESULTS
from benchmarks.pages.tables.bulk import one_machine_table, second_machine_table
from train.files import read_json

RESULT = {
    "cores": 2,
    "rates": {
        "pictures": 1000,
        "worker_peak_mb": 296.2,
        "seconds": {"classify": 5.5, "bulk": 16.0},
        "once_started": {"classify": 200.0, "bulk": 100.0},
    },
}


def test_one_machine() -> None:
    assert one_machine_table(RESULT).splitlines() == [
        "| on 2 cores | start | photos a second | photos in the first hour | a million | memory |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `edge-infer classify` | 0.5 s | 200 | 719,900 | 1.4 hours |  |",
        "| `edge-infer bulk` | 6.0 s | 100 | 359,400 | 2.8 hours | 296 MB a worker |",
    ]


def test_a_second_machine_pays_when_it_saves_more_than_it_costs() -> None:
    assert second_machine_table(RESULT).splitlines()[2:] == [
        "| is in the cluster already, and idle | any that take longer than Ray's start of 6 s |  |",
        "| has to boot and install the package: 5 minutes | 60,000 | 10 minutes |",
        "| has to be set up by hand: 1 hour | 720,000 | 2 hours |",
        "| has to be ordered, set up and explained: 1 day of 8 hours | 5,760,000 | 16 hours |",
    ]


def test_what_was_not_measured_is_said() -> None:
    unmeasured = {"cores": 2, "rates": None}
    assert one_machine_table(unmeasured).splitlines()[2:] == ["| not measured yet |  |  |  |  |  |"]
    assert second_machine_table(unmeasured).splitlines()[2:] == ["| not measured yet |  |  |"]


def test_the_kept_run_lost_nothing() -> None:
    kept = read_json(RESULTS / "bulk.json")
    assert kept["two_machines"]["same_rows"] is True
    assert kept["kills"]["same_rows"] == kept["kills"]["runs"]


def test_the_kept_run_is_the_full_one() -> None:
    kept = read_json(RESULTS / "bulk.json")
    assert kept["rates"]["pictures"] >= PICTURES
    assert kept["rates"]["share_of_classify"] >= SHARE_OF_CLASSIFY
    assert kept["kills"]["runs"] >= KILLS
