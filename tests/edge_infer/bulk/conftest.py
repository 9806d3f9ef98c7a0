"""Pictures to answer, an S3 server on loopback, and a runner without Ray."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from edge_infer.classifier import Classifier
from tests.edge_infer.cli.conftest import run
from tests.support.tiny_model import COLOURS

if TYPE_CHECKING:
    from edge_infer.bulk.pipeline import Done
    from edge_infer.bulk.worker import Shard, Work

__all__ = ["run"]  # the command line in this process

BUCKET = "photos"


@pytest.fixture(autouse=True, scope="session")
def _pyarrow() -> None:
    pytest.importorskip("pyarrow", reason='pyarrow is not installed: pip install "edge-infer[bulk]"')


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `photos`: 20 pictures of known colours, and one file that is none."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "photos", 20)
    (tmp_path / "photos" / "21.jpg").write_text("no picture")
    return tmp_path


def fill(folder: Path, count: int, side: int = 20) -> None:
    folder.mkdir()
    names = list(COLOURS)
    for number in range(1, count + 1):
        Image.new("RGB", (side, side), COLOURS[names[number % len(names)]]).save(folder / f"{number}.png")


def run_serially(work: "Work", shards: "Iterable[Shard]") -> Iterator[int]:
    """Answer shards one after the other in this process."""
    from edge_infer.bulk.worker import answer_shard

    for shard in shards:
        yield answer_shard(work, *shard)


def answer_names(names: list[str], out: str, model: Path, **changed: Any) -> "Done":
    """Answer pictures in this process, eight a file."""
    from edge_infer.bulk.pipeline import answer_all

    options = changed.pop("options", {})
    arguments = {"run": run_serially, "shard_size": 8} | changed
    return answer_all(names, out, Classifier(model, **options), options, **arguments)


def rows_in(out: str) -> list[dict[str, Any]]:
    from pyarrow import parquet

    from edge_infer.bulk.storage import locate

    filesystem, path = locate(out)
    rows: list[dict[str, Any]] = parquet.read_table(path, filesystem=filesystem).to_pylist()
    return rows


def records(jsonl: str, model_sha256: str) -> list[dict[str, Any]]:
    """Return the records of `edge-infer classify --format jsonl` as rows."""
    empty = dict.fromkeys(
        ("label", "score", "certain", "known", "is_known", "scores", "faces", "error_type", "error_message")
    )
    rows = []
    for line in jsonl.splitlines():
        record = json.loads(line)
        error = record.pop("error", None)
        record |= {} if error is None else {"error_type": error["type"], "error_message": error["message"]}
        rows.append(empty | {"task": "colours", "model": "colours", "model_sha256": model_sha256} | record)
    return rows


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Return the address of a bucket of moto's S3 server, which the environment names."""
    server_module = pytest.importorskip("moto.server", reason='moto is not installed: pip install "moto[server]"')
    from pyarrow import fs

    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ACCESS_KEY_ID": "of-nobody",
        "AWS_SECRET_ACCESS_KEY": "of-nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        store = fs.S3FileSystem(endpoint_override=f"{host}:{port}", scheme="http", allow_bucket_creation=True)
        store.create_dir(BUCKET)
        yield f"s3://{BUCKET}"
    server.stop()


def upload(folder: Path, address: str) -> None:
    """Put a folder's files into a store."""
    from edge_infer.bulk.storage import write_whole

    for path in folder.rglob("*"):
        if path.is_file():
            write_whole(f"{address}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONWARNINGS": "ignore"}
