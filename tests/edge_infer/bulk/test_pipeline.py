"""A job's rows, what it goes on from, and what it refuses to mix with; workers in this process."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge_infer.errors import ClusterError, OtherJobError, StorageError
from edge_infer.pictures.finding.folders import find_images
from tests.edge_infer.bulk.conftest import answer_names, records, rows_in, run_serially, upload
from tests.edge_infer.cli.conftest import Run
from tests.support.tiny_model import write_tiny_model

if TYPE_CHECKING:
    from edge_infer.bulk.worker import Shard, Work

PARTS = ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]


@pytest.fixture
def names(photos: Path) -> list[str]:
    return find_images("photos")


def test_the_rows_are_the_records_of_classify(run: Run, names: list[str], tiny_model_path: Path) -> None:
    progress: list[int] = []
    done = answer_names(names, "out", tiny_model_path, progress=progress.append)
    sha256 = hashlib.sha256(tiny_model_path.read_bytes()).hexdigest()
    classified = run("classify", "photos", "--model", str(tiny_model_path), "--format", "jsonl").out

    assert rows_in("out") == records(classified, sha256)
    assert sorted(path.name for path in Path("out").iterdir()) == ["_edge_infer_bulk.json", *PARTS]
    assert (done.totals.rows, done.totals.answered, done.totals.errors) == (21, 20, Counter(ImageDecodeError=1))
    assert done.totals.certain == sum(bool(row["certain"]) for row in rows_in("out"))
    assert (done.files, done.fresh, progress) == (3, 21, [0, 8, 8, 5])


def test_a_finished_job_does_nothing(names: list[str], tiny_model_path: Path) -> None:
    first = answer_names(names, "out", tiny_model_path)
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    again = answer_names(names, "out", tiny_model_path, run=must_not_run)

    assert (again.fresh, again.totals) == (0, first.totals)
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before


def must_not_run(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
    raise AssertionError("nothing was missing")


@pytest.mark.parametrize("damage", ["gone", "cut", "emptied", "not Parquet"])
def test_only_what_is_missing_is_answered_again(names: list[str], tiny_model_path: Path, damage: str) -> None:
    answer_names(names, "out", tiny_model_path)
    expected, part = rows_in("out"), Path("out", PARTS[1])
    content = part.read_bytes()
    part.unlink()
    if damage != "gone":
        part.write_bytes({"cut": content[:-40], "emptied": b"", "not Parquet": b"x" * 500}[damage])
    Path("out/.unfinished-1-part-00001.parquet").write_bytes(content[:100])
    os.utime("out/.unfinished-1-part-00001.parquet", (0, 0))
    answered: list[int] = []

    def noted(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        for number, shard_names in shards:
            answered.append(number)
            yield from run_serially(work, [(number, shard_names)])

    done = answer_names(names, "out", tiny_model_path, run=noted)
    assert (answered, done.fresh, done.totals.rows) == ([1], 8, 21)
    assert rows_in("out") == expected
    assert not Path("out/.unfinished-1-part-00001.parquet").exists()


def test_an_interrupted_job_keeps_what_is_finished(names: list[str], tiny_model_path: Path) -> None:
    def interrupted(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        yield next(iter(run_serially(work, shards)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_names(names, "out", tiny_model_path, run=interrupted)
    assert sorted(path.name for path in Path("out").iterdir()) == ["_edge_infer_bulk.json", PARTS[0]]
    assert answer_names(names, "out", tiny_model_path).fresh == 13
    assert [row["source"] for row in rows_in("out")] == names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": {"min_score": 0.5}}, r"option min_score was None, is 0\.5"),
        ({"top": 1}, "option top was None, is 1"),
        ({"shard_size": 9}, "shard_size was 8, is 9"),
        ({"names": 20}, r"inputs_sha256 was \w{12}…, is \w{12}…, pictures was 21, is 20"),
        ({"model": True}, r"model_sha256 was \w{12}…, is \w{12}…"),
    ],
)
def test_another_job_does_not_mix(names: list[str], tiny_model_path: Path, change: dict[str, Any], said: str) -> None:
    answer_names(names, "out", tiny_model_path)
    before = rows_in("out")
    model = write_tiny_model(Path("other.onnx"), min_known=0.6) if change.pop("model", False) else tiny_model_path
    names = names[: change.pop("names", None)]
    with pytest.raises(OtherJobError, match=rf"out holds the answers of another job \(not the same: {said}\): "):
        answer_names(names, "out", model, run=must_not_run, **change)
    assert rows_in("out") == before


def test_files_of_other_jobs_do_not_mix(names: list[str], tiny_model_path: Path) -> None:
    answer_names(names, "one", tiny_model_path)
    answer_names(names[:20], "two", tiny_model_path)
    Path("two", PARTS[0]).replace(Path("one", PARTS[0]))
    with pytest.raises(OtherJobError, match=r"part-00000\.parquet is another job's: give another --out"):
        answer_names(names, "one", tiny_model_path)

    Path("three").mkdir()
    Path("one", PARTS[1]).replace(Path("three/part-00007.parquet"))
    with pytest.raises(OtherJobError, match=r"three holds part-00007\.parquet, which this job does not write"):
        answer_names(names, "three", tiny_model_path)

    Path("four").mkdir()
    Path("four/_edge_infer_bulk.json").write_text("[]")
    with pytest.raises(OtherJobError, match=r"_edge_infer_bulk\.json is not a job's description"):
        answer_names(names, "four", tiny_model_path)


def test_a_folder_that_only_this_machine_sees_is_noticed(names: list[str], tiny_model_path: Path) -> None:
    def elsewhere(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        Path("photos").rename("unmounted")
        yield from run_serially(work, shards)

    with pytest.raises(ClusterError, match=r" does not see .*photos: mount it there under the same path$"):
        answer_names(names, "out", tiny_model_path, run=elsewhere)
    assert not list(Path("out").glob("part-*"))


def test_files_that_stay_on_another_machine_are_noticed(names: list[str], tiny_model_path: Path) -> None:
    def elsewhere(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        yield from run_serially(work, shards)
        Path("out", PARTS[2]).unlink()

    with pytest.raises(ClusterError, match=r"1 files were written but are not in .*out: is that a folder which all"):
        answer_names(names, "out", tiny_model_path, run=elsewhere)


def test_another_version_on_a_worker_is_noticed(
    names: list[str], tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        monkeypatch.setattr("edge_infer.__version__", "0.0.9")
        yield from run_serially(work, shards)

    with pytest.raises(
        ClusterError, match=r" has edge-infer 0\.0\.9, the machine that began 0\.1\.0: install the same"
    ):
        answer_names(names, "out", tiny_model_path, run=older, options={"min_score": 0.123})


def test_pictures_and_answers_in_a_store(s3: str, names: list[str], tiny_model_path: Path) -> None:
    base = f"{s3}/{Path.cwd().name}"
    upload(Path("photos"), f"{base}/in")
    stored = [f"{base}/in/{Path(name).name}" for name in names]
    done = answer_names([*stored, f"{base}/in/gone.png", names[0]], f"{base}/out", tiny_model_path)
    answer_names(names, "local", tiny_model_path)
    *rows, gone, local = rows_in(f"{base}/out")

    assert done.totals.errors == Counter(ImageDecodeError=1, ImageNotFoundError=1)
    assert [row["source"] for row in rows] == stored
    assert [row["scores"] for row in rows] == [row["scores"] for row in rows_in("local")]
    assert gone["error_message"] == f"{base}/in/gone.png does not exist"
    assert local["scores"] == rows[0]["scores"]
    assert (
        answer_names(
            [*stored, f"{base}/in/gone.png", names[0]], f"{base}/out", tiny_model_path, run=must_not_run
        ).totals
        == done.totals
    )


def test_larger_objects_than_allowed_have_their_error(s3: str, names: list[str], tiny_model_path: Path) -> None:
    base = f"{s3}/{Path.cwd().name}"
    upload(Path("photos"), f"{base}/large")
    answer_names([f"{base}/large/1.png"], "out", tiny_model_path, options={"max_bytes": 20})
    (row,) = rows_in("out")
    assert row["error_type"] == "ImageTooLargeError"
    assert row["error_message"].startswith(f"{base}/large/1.png has more bytes than the limit of 20")


def test_a_store_that_is_out_of_reach_writes_nothing(
    s3: str, names: list[str], tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(address: str, max_bytes: int | None = None) -> bytes:
        raise OSError(f"AWS Error ACCESS_DENIED for {address}")

    def without_access(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
        monkeypatch.setattr("edge_infer.bulk.worker.read_bytes", refused)
        yield from run_serially(work, shards)

    with pytest.raises(StorageError, match=r"^no picture of this shard could be fetched: s3://photos/a\.png cannot"):
        answer_names([f"{s3}/a.png"], "out", tiny_model_path, run=without_access)
    assert not list(Path("out").glob("part-*"))
    # With one that can be read, the other is the picture's own error.
    answer_names([f"{s3}/a.png", names[0]], "mixed", tiny_model_path, run=without_access)
    assert [row["error_type"] for row in rows_in("mixed")] == ["ImageDecodeError", None]


def test_faces_and_known_are_columns(run: Run, photos: Path) -> None:
    knowing = write_tiny_model(Path("knowing.onnx"), min_known=0.6)
    answer_names(["photos/1.png"], "out", knowing, top=1)
    (row,) = rows_in("out")
    assert row["known"] == pytest.approx(1, abs=0.5)
    assert row["is_known"] is (row["known"] >= 0.6)
    assert row["scores"] == [{"label": row["label"], "score": row["score"]}]
    assert row["faces"] is None


def test_the_size_of_shards_depends_on_the_number_alone() -> None:
    from edge_infer.bulk.job import usual_shard_size

    sizes = {count: usual_shard_size(count) for count in (1, 1_000, 20_000, 64_000, 10_000_000)}
    assert sizes == {1: 16, 1_000: 16, 20_000: 313, 64_000: 1_000, 10_000_000: 1_000}
