"""The tables of the levers, and that nothing that was measured is missing from them."""

import pytest

from benchmarks.levers import catalogue, yardstick
from benchmarks.pages.catalogue import RESULTS
from benchmarks.pages.tables.levers import (
    ASKED,
    GROUPS,
    KNOWN,
    STRANGERS,
    certainty_table,
    lever_table,
    second_look_table,
)
from train.files import read_json

KEPT = read_json(RESULTS / "levers.json")
ROW = {
    "wild": 0.7301,
    "wild_95": [0.681, 0.788],
    "mean_of_classes": 0.614,
    "own": 0.9456,
    "test": {"right": 41, "photos": 43},
    "top_half": 0.914,
    "passes": 2.041,
    "device_passes": 2.0,
}


def test_a_table_holds_the_measured_levers_of_its_group():
    rows = {"baseline": ROW | {"wild": 0.5}, "2 views": ROW, "blocks 4": ROW}
    assert lever_table({"rows": rows}, "depth").splitlines()[2:] == [
        "| baseline | 50.0% (68%-79%) | 61.4% | 94.6% | 41/43 | 91.4% | 2.04 | 2 |",
        "| blocks 4 | 73.0% (68%-79%) | 61.4% | 94.6% | 41/43 | 91.4% | 2.04 | 2 |",
    ]


def test_certainty():
    certainty = {
        "own_kept": 0.9091,
        "wild_certain": 0.6,
        "wild_certain_95": [0.55, 0.65],
        "wild_right_of_certain": 0.965,
        "wild_right_of_certain_95": [0.938, 0.99],
        "strangers_certain": {"gems_other": 0.138, "things": 0.024, "asked": 0.005},
    }
    assert certainty_table({"rows": {KNOWN: ROW | {"certainty": certainty}}}).splitlines()[2:] == [
        "| photos from elsewhere, right | 73.0% (68%-79%) |",
        "| of them certain | 60.0% (55%-65%) |",
        "| right where certain | 96.5% (94%-99%) |",
        "| the set's own right answers that stay certain | 90.9% |",
        "| `gems_other`, certain | 13.8% |",
        "| `things`, certain | 2.4% |",
        "| faces, which nothing learned from, certain | 0.5% |",
    ]


@pytest.mark.parametrize("name", [lever.name for lever in catalogue.LEVERS])
def test_every_lever_stands_in_one_table(name: str):
    shown = [group for group in GROUPS if f"| {name} |" in lever_table({"rows": {name: ROW}}, group)]
    assert len(shown) == 1


def test_every_row_was_measured_on_the_same_photos_with_the_folds_that_the_page_names():
    settings = [row["settings"] for row in KEPT["rows"].values()]
    assert {setting["photos"] for setting in settings} == {settings[0]["photos"]}
    for setting in settings:
        repeats = 2 if setting["lever"]["tuned_from"] is None else 1  # a fold of what is fine-tuned takes minutes
        assert (setting["folds"], setting["repeats"], setting["mixed_precision"]) == (5, repeats, True)


def test_every_lever_was_measured():
    assert set(KEPT["rows"]) == set(catalogue.NAMES)


def test_names_are_those_of_the_command():
    assert (KNOWN, ASKED) == (catalogue.KNOWN, yardstick.ASKED)
    assert certainty_table({"rows": {}}).count("\n") == 2  # before it is measured


def test_no_kept_row_names_a_path_of_a_machine():
    text = (RESULTS / "levers.json").read_text(encoding="utf-8")
    assert "/work" not in text
    assert "/root" not in text


def test_second_looks():
    certain = zip(STRANGERS, (0.133, 0.067, 0.031), strict=True)
    row = {
        "elsewhere": {
            "accuracy": 0.858,
            "accuracy_95": [0.82, 0.89],
            "certain": 0.599,
            "right_of_certain": 0.978,
            "right_of_certain_95": [0.95, 0.99],
        },
        "own": 0.9783,
        "own_kept": 0.889,
        "strangers": {"by_part": {part: {"certain": share} for part, share in certain}},
    }
    assert second_look_table({"rows": {"whole photo": row}}).splitlines()[2:] == [
        "| whole photo | 85.8% (82%-89%) | 59.9% | 97.8% (95%-99%) | 97.8% | 88.9% | 13.3% / 6.7% / 3.1% |"
    ]
