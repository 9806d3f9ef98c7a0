"""`edge-infer bulk`: what it says and how it ends; Ray is replaced by this process."""

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.edge_infer.bulk.conftest import rows_in, run_serially
from tests.edge_infer.cli.conftest import Answer, Run

pytestmark = pytest.mark.usefixtures("folder")
needs_pyarrow = pytest.mark.skipif(
    find_spec("pyarrow") is None, reason='pyarrow is not installed: pip install "edge-infer[bulk]"'
)


@pytest.fixture
def bulk(run: Run, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with workers in this process."""
    given: list[dict[str, Any]] = []

    def run_on_ray(work: Any, shards: Any, **options: Any) -> Iterator[int]:
        given.append(options)
        yield from run_serially(work, shards)

    cluster = ModuleType("edge_infer.bulk.cluster")
    cluster.run_on_ray = run_on_ray  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "edge_infer.bulk.cluster", cluster)
    monkeypatch.setattr("edge_infer.bulk.check_installed", lambda: None)

    def answer(*arguments: str) -> Answer:
        return run("bulk", *arguments, "--model", str(tiny_model_path))

    answer.given = given  # type: ignore[attr-defined]
    return answer


@needs_pyarrow
def test_the_summary(bulk: Run) -> None:
    answer = bulk(".", "--out", "out", "--shard-size", "2", "--workers", "3", "--min-score", "0.9")
    certain = sum(bool(row["certain"]) for row in rows_in("out"))
    first, second, third = answer.out.splitlines()
    assert (answer.code, answer.err) == (1, "")
    assert first == f"5 rows in 3 files in out: {certain / 4:.1%} of the answers certain, 1 errors"
    assert second == "  1 ImageDecodeError"
    assert re.fullmatch(r"This run: 5 pictures in \d+\.\d s, \d+\.\d pictures/s", third)
    assert bulk.given == [{"address": None, "workers": 3}]  # type: ignore[attr-defined]

    again = bulk(".", "--out", "out", "--shard-size", "2", "--workers", "3", "--min-score", "0.9")
    assert (again.code, again.out.splitlines()[:2]) == (1, [first, second])
    assert re.fullmatch(r"This run: 0 pictures in \d+\.\d s", again.out.splitlines()[2])


@needs_pyarrow
def test_no_error_is_exit_code_0(bulk: Run) -> None:
    answer = bulk("*d.png", "--out", "out", "--top", "99")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("1 rows in 1 files in out: 100.0% of the answers certain, 0 errors\n")


@needs_pyarrow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-", "--out", "out"], 2, "Error: the same SOURCE must be there when the job goes on"),
        (["@-", "--out", "out"], 2, "Error: the same SOURCE must be there when the job goes on"),
        (["."], 2, "Error: Missing option '--out'."),
        ([".", "--out", "out", "--workers", "0"], 2, "Error: Invalid value for '--workers'"),
        (["gone", "--out", "out"], 1, "Error: gone does not exist"),
        (["gone*", "--out", "out"], 1, "Error: gone* matches no file"),
        (["red.png", "--out", "note.jpg"], 1, "Error: "),
        ([".", "--out", "out", "--faces", "always"], 2, "Error: model 'colours' was not made for faces"),
    ],
)
def test_what_cannot_begin_is_one_line(bulk: Run, arguments: list[str], code: int, message: str) -> None:
    answer = bulk(*arguments)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.splitlines()[-1].startswith(message)
    assert not Path("out").exists()


@needs_pyarrow
def test_another_job_is_exit_code_1(bulk: Run) -> None:
    bulk("red.png", "--out", "out")
    answer = bulk("blue.png", "--out", "out")
    assert (answer.code, answer.out) == (1, "")
    assert re.fullmatch(r"Error: \S+out holds the answers of another job \(.*\): give another --out, .*\n", answer.err)


@pytest.mark.parametrize(
    ("missing", "named"), [({"ray"}, "ray"), ({"pyarrow"}, "pyarrow"), ({"ray", "pyarrow"}, "ray and pyarrow")]
)
def test_without_the_extra_one_line_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch, missing: set[str], named: str
) -> None:
    monkeypatch.setattr("edge_infer.bulk.find_spec", lambda name: None if name in missing else name)
    answer = run("bulk", "red.png", "--out", "out")
    assert answer == (1, "", f'Error: {named} not installed: pip install "edge-infer[bulk]"\n')
