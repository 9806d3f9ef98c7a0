"""The tables of photos from elsewhere, and that nothing that was measured is missing from them."""

from typing import Any

from benchmarks.pages.catalogue import RESULTS
from benchmarks.pages.tables.levers import (
    GROUPS,
    breakdown_table,
    certainty_table,
    colour_table,
    lever_table,
    source_table,
)
from benchmarks.quality.lever_list import NAMES
from train.files import read_json

KEPT = read_json(RESULTS / "levers.json")


def measured(lever: str | None, repeats: int = 2) -> dict[str, Any]:
    return {"script": "a.py", "repeats": repeats, "repeated_by": lever}


ROW = {
    "group": "depth",
    "label": "block 5",
    "wild": 0.7301,
    "wild_95": [0.681, 0.788],
    "mean_of_classes": 0.614,
    "own": 0.9456,
    "test": {"right": 41, "photos": 43},
    "top_half": 0.914,
    "passes": 2.04,
    "device_passes": 1.245,
    "measured_by": measured("blocks 5"),
}


def test_a_row_says_what_was_measured_and_whether_a_command_repeats_it():
    unkept = {key: value for key, value in ROW.items() if key not in ("test", "top_half")}
    rows = {"x": ROW, "y": unkept | {"measured_by": measured(None)}, "z": ROW | {"group": "views"}}
    assert lever_table({"rows": rows}, "depth").splitlines()[2:] == [
        "| block 5 | 73.0% (68%-79%) | 61.4% | 94.6% | 41/43 | 91.4% | 2.04 | 1.25 | 2 |",
        "| block 5 † | 73.0% (68%-79%) | 61.4% | 94.6% | not run |  | 2.04 | 1.25 | 2 |",
    ]


def test_certainty_and_breakdown():
    row = {"label": "both", "rule": "score", "own_kept": None, "wild_certain": 0.6, "right_of_certain": 0.965}
    row |= {"gems_other": 0.138, "other_stones": 0.073, "both_stones": 0.126, "things": 0.024, "faces": 0.005}
    row["kinds"] = {"cut": {"photos": 28, "right": 1.0, "certain": 0.857, "right_of_certain": None}}
    kept = {"certainty": {"x": row | {"measured_by": measured("known")}}}
    assert certainty_table(kept).splitlines()[2:] == [
        "| both | score |  | 60.0% | 96.5% | 13.8% | 7.3% | 12.6% | 2.4% | 0.5% |"
    ]
    assert breakdown_table(kept, "kinds").splitlines()[0::2] == [
        "| kind | photos | right | certain | right of those |",
        "| cut | 28 | 100% | 86% |  |",
    ]


def test_colours_right_and_exchanged_stand_side_by_side():
    kept = {"right_colours": {"rows": {"eg2": ROW, "new": ROW}}, "measured_again": {"rows": {"eg2": {"wild": 0.86}}}}
    assert colour_table(kept).splitlines()[2:] == [
        "| eg2 | 73.0% (68%-79%) | 61.4% | 94.6% | 41/43 | 86.0% |",
        "| new | 73.0% (68%-79%) | 61.4% | 94.6% | 41/43 |  |",
    ]


def test_sources_are_named_with_their_photos():
    assert source_table({"sources": {"things": {"a/b": 2, "c/d": 3}}}).splitlines()[2:] == [
        "| things | 5 | a/b (2), c/d (3) |"
    ]


def test_every_row_of_the_study_is_kept_and_shown():
    assert (len(KEPT["rows"]), len(KEPT["certainty"])) == (83, 14)  # 95 of its results and two of its notes
    assert sum(len(lever_table(KEPT, group).splitlines()) - 2 for group in GROUPS) == 83
    assert len(certainty_table(KEPT).splitlines()) - 2 == 14


def test_what_a_row_says_repeats_it_exists():
    repeated = {row["measured_by"]["repeated_by"] for part in ("rows", "certainty") for row in KEPT[part].values()}
    assert repeated - {None} <= set(NAMES)
    assert set(NAMES) - repeated == {"pooling mean"}  # the study compared with classes as they are


def test_sources_are_those_of_all_photos():
    assert {part: sum(given.values()) for part, given in KEPT["sources"].items()} == {
        "gems_wild": 379,
        "other_stones": 225,
        "things": 229,
    }
