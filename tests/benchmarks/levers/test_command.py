"""The command measures what is asked for, once, and keeps what it has."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.levers.__main__ import main, measure_all, same_photos
from benchmarks.levers.catalogue import KNOWN, LEVERS, NAMES
from benchmarks.levers.pooling import POOLINGS
from tests.benchmarks.levers.test_measure import MadeUpFeatures
from tests.benchmarks.levers.yardsticks import yardstick
from train.files import read_json, write_json

SETTINGS = {"photos": "x", "folds": 5, "repeats": 1, "mixed_precision": False}


def test_every_lever_has_a_name_of_its_own_and_differs():
    assert len(set(NAMES)) == len(NAMES) == len(LEVERS) + 1
    described = [str(lever).replace(repr(lever.name), "") for lever in LEVERS]
    assert len(set(described)) == len(described)
    assert {lever.pooling for lever in LEVERS} == set(POOLINGS)


def test_a_row_is_measured_once_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out, photos = tmp_path / "out.json", yardstick(own=6, sources=5, of_source=1)
    write_json(out, {"rows": {"older": {"wild": 0.5}}})
    measure_all(("baseline", KNOWN), photos, out, SETTINGS, MadeUpFeatures())
    rows = read_json(out)["rows"]
    assert list(rows) == ["older", "baseline", KNOWN]
    assert rows["older"] == {"wild": 0.5}
    assert (rows["baseline"]["wild"], rows["baseline"]["test"]) == (1.0, {"right": 6, "photos": 6})
    assert rows["baseline"]["settings"]["lever"]["inverse_l2"] == 0.01
    assert rows[KNOWN]["certainty"]["strangers_certain"].keys() == {"other_stones", "things"}

    again = MadeUpFeatures()
    measure_all(("baseline",), photos, out, SETTINGS, again)
    assert again.asked == []
    measure_all(("baseline",), photos, out, SETTINGS | {"photos": "y"}, again)
    assert again.asked != []
    assert read_json(out)["rows"]["baseline"]["settings"]["photos"] == "y"


def test_the_same_photos_are_known_again():
    few, more = yardstick(own=4), yardstick(own=6)
    assert same_photos(few) == same_photos(yardstick(own=4))
    assert same_photos(few) != same_photos(more)


def test_an_unknown_lever_is_a_usage_error(tmp_path: Path):
    folder = str(tmp_path)
    arguments = ["--gems", folder, "--wild", folder, "--others", folder, "--out", "x.json", "--only", "magic"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "'magic' is not one of 'baseline'" in done.output
