"""The photos of the levers: what belongs together, what is left out, and what is wrong with a folder."""

from pathlib import Path

import pytest

from benchmarks.levers.yardstick import Row, arrange, read_yardstick
from tests.conftest import drawn
from train.data.photos import Photo
from train.errors import DataError


def row(name: str, part: str, label: str = "", unit: str | None = None) -> Row:
    return Row(Photo(Path(name), label, name), part, "source", "kind", unit)


def test_what_the_set_has_already_is_left_out_and_said():
    rows = [
        row("0", "own", "a"),
        row("1", "own test", "a"),
        row("2", "own", "b"),
        row("3", "wild", "b", "from x"),
        row("4", "wild", "a", "from y"),
        row("5", "gems_other", "", "kind jade"),
        row("6", "other_stones", "", "kind jade"),
        row("7", "things", "", "things of z"),
    ]
    said: list[str] = []
    # 1 is 0 again, 4 is 2 again, 7 is 3 again, and 6 is 5 again
    photos = arrange(rows, [(0, 1, 0), (2, 4, 3), (3, 7, 9), (5, 6, 1)], said.append)
    assert [photo.sha256 for photo in photos.photos] == ["0", "1", "2", "3", "5", "6"]
    assert said == ["left out 4: own has the same picture", "left out 7: wild has the same picture"]
    assert photos.labels == ("a", "b")
    assert photos.targets.tolist() == [0, 0, 1, 1, -1, -1]
    assert photos.units[0] == photos.units[1] != photos.units[2]
    assert photos.units[4] == photos.units[5]
    assert photos.strangers.tolist() == [False] * 4 + [True] * 2
    assert photos.stranger_parts() == ["gems_other", "other_stones"]


def test_a_unit_joins_photos_that_do_not_look_alike():
    rows = [
        row("0", "own", "a"),
        row("1", "own", "b"),
        *(row(f"w{i}", "wild", "ab"[i % 2], "from x") for i in range(3)),
    ]
    units = arrange(rows, [], lambda _: None).units
    assert units[0] != units[1]
    assert len(set(units[2:])) == 1


def test_a_class_that_the_set_lacks_is_an_error():
    rows = [row("0", "own", "a"), row("1", "own", "b"), row("2", "wild", "c", "from x")]
    with pytest.raises(DataError, match="the set has no class c"):
        arrange(rows, [], lambda _: None)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    def put(name: str, seed: int) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn((40 * seed % 255, 90, 255 - 30 * seed % 255), seed=seed).save(path)

    for i, name in enumerate(("train/a/1", "train/b/1", "test/a/2", "test/b/2")):
        put(f"gems/{name}.png", i)
    for i, name in enumerate(("wild/a/1", "jades/Jade Green/1", "jades/Iolite/1", "not/stones/1", "not/things/1")):
        put(f"{name}.png", i + 4)
    (tmp_path / "wild/sources.csv").write_text("file,class,repo,path,kind\na/1.png,a,me/shop,x.png,rough\n")
    (tmp_path / "not/sources.csv").write_text(
        "file,what,repo,path\nstones/1.png,green jade,me/rocks,x\nthings/1.png,moon,me/sky,y\n"
    )
    return tmp_path


def test_folders_are_read_with_sources_kinds_and_parts(folders: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.levers.yardstick.near_duplicates", lambda prints: [])  # all are plain grain
    photos = read_yardstick(folders / "gems", folders / "wild", [folders / "jades", folders / "not"], None, print)
    rows = zip(photos.parts, photos.sources, photos.kinds, strict=True)
    assert sorted(rows) == [
        ("jades", "jades", "iolite"),
        ("jades", "jades", "jade"),
        ("own", "own", "own"),
        ("own", "own", "own"),
        ("own test", "own", "own"),
        ("own test", "own", "own"),
        ("stones", "me/rocks", "jade"),
        ("things", "me/sky", "moon"),
        ("wild", "me/shop", "rough"),
    ]
    jades = photos.kinds == "jade"
    assert jades.sum() == 2
    assert len(set(photos.units[jades])) == 1  # in two folders, and still one kind
    assert len(set(photos.units)) == 8


def test_a_list_of_sources_that_is_missing_or_incomplete_is_named(folders: Path):
    (folders / "wild/sources.csv").write_text("file,class,kind\na/1.png,a,rough\n")
    with pytest.raises(DataError, match=r"wild/sources\.csv lacks the column repo"):
        read_yardstick(folders / "gems", folders / "wild", [], None, print)
    (folders / "wild/sources.csv").unlink()
    with pytest.raises(DataError, match=r"wild/sources\.csv is missing or names no photo"):
        read_yardstick(folders / "gems", folders / "wild", [], None, print)
