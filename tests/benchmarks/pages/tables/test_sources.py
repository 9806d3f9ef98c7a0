"""The list of those whose photos the project learned from."""

from benchmarks.pages.catalogue import RESULTS
from benchmarks.pages.tables.sources import source_table
from train.files import read_json


def test_sources_are_named_with_their_photos():
    assert source_table({"things": {"a/b": 2, "c/d": 3}}).splitlines()[2:] == ["| things | 5 | a/b (2), c/d (3) |"]


def test_sources_are_those_of_all_photos():
    assert {part: sum(given.values()) for part, given in read_json(RESULTS / "photo_sources.json").items()} == {
        "gems_wild": 379,
        "other_stones": 225,
        "things": 229,
    }
