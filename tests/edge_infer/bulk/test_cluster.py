"""Jobs on a Ray cluster of two machines: the same rows, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge_infer.bulk.conftest import answer_names, environment, fill, rows_in, upload

pytestmark = pytest.mark.slow

PICTURES, SHARD = 24, 3
SIDE_PX = 2000  # large enough that a shard takes a while
SECONDS = 500  # on a machine that is busy with other things


# Ray's own cluster for tests, in a process of its own: it leaves files and processes to Python's end.
CLUSTER = """
import sys
import edge_infer.bulk  # sets what Ray reads
from ray.cluster_utils import Cluster

machine = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
cluster = Cluster()
cluster.add_node(wait=False, **machine)
second = cluster.add_node(wait=False, **machine)
cluster.wait_for_nodes(timeout=240)  # Ray's own 30 s are too few on a busy machine
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(second)
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def cluster(s3: str) -> Iterator["subprocess.Popen[str]"]:
    """Two machines of one core each, which know the store of `s3`; a line to it, and the second one leaves."""
    pytest.importorskip("ray", reason='Ray is not installed: pip install "edge-infer[bulk]"')
    command = [sys.executable, "-c", CLUSTER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, env=environment(), **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope="module")
def address(cluster: "subprocess.Popen[str]") -> str:
    found = cluster.stdout.readline().strip()
    assert found, "the cluster did not start"
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "photos"
    fill(folder, PICTURES, SIDE_PX)
    return folder


@pytest.fixture(scope="module")
def expected(large: Path, tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a run that nothing disturbs answers."""
    from edge_infer.pictures.finding.folders import find_images

    out = str(tmp_path_factory.mktemp("expected"))
    answer_names(find_images(large), out, tiny_model_path, shard_size=SHARD)
    return rows_in(out)


@pytest.fixture
def command(address: str, large: Path, tmp_path: Path, tiny_model_path: Path) -> list[str]:
    options = ["--model", str(tiny_model_path), "--shard-size", str(SHARD), "--address", address]
    return [sys.executable, "-m", "edge_infer", "bulk", str(large), "--out", str(tmp_path / "out"), *options]


def begin(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )


def finish(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, "")
    return out


def wait_for_part(out: Path, process: "subprocess.Popen[str]") -> None:
    ends = time.monotonic() + SECONDS
    while not list(out.glob("part-*.parquet")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.01)


def workers() -> set[int]:
    """Return the processes that are answering a shard."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        if name.startswith(b"ray::answer_shard"):
            found.add(int(folder.name))
    return found


def test_two_machines_give_the_rows_of_one(command: list[str], expected: list[dict[str, Any]], tmp_path: Path) -> None:
    lines = finish(begin(command)).splitlines()
    assert rows_in(str(tmp_path / "out")) == expected
    assert lines[0].startswith(f"{PICTURES} rows in {PICTURES // SHARD} files in {tmp_path / 'out'}: ")
    assert lines[1].startswith(f"This run: {PICTURES} pictures in ")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")
def test_a_killed_worker_loses_and_repeats_nothing(
    command: list[str], expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    process = begin(command)
    killed: set[int] = set()
    while process.poll() is None and len(killed) < 3:
        for worker in workers() - killed:
            os.kill(worker, signal.SIGKILL)
            killed.add(worker)
        time.sleep(0.01)
    finish(process)
    assert len(killed) >= 3
    assert rows_in(str(tmp_path / "out")) == expected


def test_a_killed_job_goes_on(command: list[str], expected: list[dict[str, Any]], tmp_path: Path) -> None:
    process = begin(command)
    wait_for_part(tmp_path / "out", process)
    process.kill()
    process.communicate()
    there = len(list((tmp_path / "out").glob("part-*.parquet")))
    assert 0 < there < PICTURES // SHARD

    lines = finish(begin(command)).splitlines()
    answered = int(lines[1].removeprefix("This run: ").split()[0])
    assert 0 < answered <= PICTURES - there * SHARD
    assert rows_in(str(tmp_path / "out")) == expected


def test_an_interrupted_job_says_so_and_goes_on(
    command: list[str], expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    process = begin(command)
    wait_for_part(tmp_path / "out", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err.strip()) == (130, "", "Interrupted.")
    finish(begin(command))
    assert rows_in(str(tmp_path / "out")) == expected


def test_from_a_store_to_a_store(
    address: str, s3: str, large: Path, tiny_model_path: Path, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    base = f"{s3}/{tmp_path.name}"
    few = tmp_path / "few"
    few.mkdir()
    for number in range(1, 7):
        (few / f"{number}.png").hardlink_to(large / f"{number}.png")
    upload(few, f"{base}/in")
    options = ["--model", str(tiny_model_path), "--shard-size", "2", "--address", address]
    command = [sys.executable, "-m", "edge_infer", "bulk", f"{base}/in/", "--out", f"{base}/out/", *options]
    finish(begin(command))
    found = rows_in(f"{base}/out")
    assert [row["source"] for row in found] == [f"{base}/in/{number}.png" for number in range(1, 7)]
    assert [row["scores"] for row in found] == [row["scores"] for row in expected[:6]]


DATASET = """
import logging, sys
import ray
from edge_infer.bulk import classify_dataset

address, folder, model = sys.argv[1:]
ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
rows = [{"id": number, "path": f"{folder}/{number}.png"} for number in range(1, 7)]
answers = classify_dataset(ray.data.from_items(rows), model, min_score=0.5).take_all()
for row in sorted(answers, key=lambda row: row["id"]):
    print(row["id"], row["path"], row["label"], row["score"], row["certain"], row["model"], row["error_type"])
"""


def test_a_dataset_gets_answers(
    address: str, large: Path, tiny_model_path: Path, expected: list[dict[str, Any]]
) -> None:
    command = [sys.executable, "-c", DATASET, address, str(large), str(tiny_model_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    rows = [
        f"{number} {row['source']} {row['label']} {row['score']} {row['score'] >= 0.5} colours None"
        for number, row in enumerate(expected[:6], 1)
    ]
    assert done.stdout.splitlines() == rows


def test_a_machine_that_leaves_loses_and_repeats_nothing(
    cluster: "subprocess.Popen[str]", command: list[str], expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    process = begin(command)
    wait_for_part(tmp_path / "out", process)
    print("leave", file=cluster.stdin, flush=True)
    finish(process)
    assert rows_in(str(tmp_path / "out")) == expected


def test_where_no_cluster_answers_is_one_line(cluster: object, large: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_infer", "bulk", str(large), "--out", str(tmp_path), "--address"]
    for address, message in {
        "127.0.0.1:1": "no Ray cluster answers at 127.0.0.1:1: Connection refused",
        "nowhere": "no Ray cluster can be used at nowhere: ",
    }.items():
        done = subprocess.run(
            [*command, address], capture_output=True, text=True, env=environment(), timeout=SECONDS, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {message}")
        assert done.stderr.count("\n") == 1
