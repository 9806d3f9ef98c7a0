"""The tables of a run's photos from elsewhere."""

from typing import Any

from benchmarks.pages.tables.elsewhere import breakdown_table, summary_table


def share(name: str, value: float) -> dict[str, Any]:
    return {name: value, f"{name}_95": [value - 0.05, value + 0.05]}


METRICS = {
    "elsewhere": {
        "photos": 379,
        "sources": 90,
        **share("accuracy", 0.829),
        **share("certain", 0.6),
        **share("right_of_certain", 0.94),
        "by_kind": {"cut": {"photos": 28, "accuracy": 1.0, "certain": 0.926, "right_of_certain": 0.96}},
        "by_class": {"Opal": {"photos": 3, "accuracy": 0.333, "certain": 0.0, "right_of_certain": None}},
    },
    "test": {"photos": 43, "right": 43, "accuracy": 1.0, "accuracy_95": [0.918, 1.0]},
    "kfold": share("mean_accuracy", 0.95),
    "strangers": {
        "by_part": {
            "gems_other": {"pictures": 300, "kinds": 52, **share("certain", 0.16)},
            "other_stones": {"pictures": 100, "kinds": 9, **share("certain", 0.08)},
        }
    },
}


def test_a_run_is_summed_up_with_its_intervals():
    assert summary_table(METRICS).splitlines() == [
        "| what | measured (95 % interval) |",
        "| --- | --- |",
        "| 379 photos from 90 other sources, right | 82.9% (77.9%-87.9%) |",
        "| of them certain | 60.0% (55.0%-65.0%) |",
        "| right where certain | 94.0% (89.0%-99.0%) |",
        "| the set's own test | 43/43, 100.0% (91.8%-100.0%) |",
        "| the set's own k-fold | 95.0% (90.0%-100.0%) |",
        "| `gems_other`, 300 pictures of 52 kinds, certain | 16.0% (11.0%-21.0%) |",
        "| `other_stones`, 100 pictures of 9 kinds, certain | 8.0% (3.0%-13.0%) |",
        "| `gems_other` and `other_stones` together, certain | 14.0% |",
    ]


def test_by_kind_and_by_class():
    assert breakdown_table(METRICS, "kind").splitlines() == [
        "| kind | photos | right | certain | right where certain |",
        "| --- | --- | --- | --- | --- |",
        "| cut | 28 | 100% | 93% | 96% |",
    ]
    assert breakdown_table(METRICS, "class").splitlines()[2:] == ["| Opal | 3 | 33% | 0% |  |"]
