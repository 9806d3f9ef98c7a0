import re
from pathlib import Path

import pytest

import export.__main__ as command
from export.results.report_table import to_table


def run(capsys, monkeypatch, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["export", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def test_the_report_is_printed_and_the_next_step_named(pooled_run: Path, tmp_path: Path, capsys, monkeypatch):
    code, out, err = run(capsys, monkeypatch, pooled_run, "--out", tmp_path / "out")

    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["file:       small-fp32.onnx", "size:       58.86 MB"]
    assert re.fullmatch(r"Keras:      differs by 1e-0\d, same on 51/51", lines[-1])
    assert "as fp32:    24/24 photos" in lines
    assert err.rstrip().endswith(f"next: edge-infer classify --model {tmp_path / 'out' / 'small-fp32.onnx'} PHOTO")


def test_a_missing_run_is_one_line(tmp_path: Path, capsys, monkeypatch):
    code, out, err = run(capsys, monkeypatch, tmp_path / "none", "--out", tmp_path / "out")

    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == f"Error: run folder {tmp_path / 'none'} does not exist"
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_that_no_model_was_written(pooled_run: Path, tmp_path: Path, capsys, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("export.pipeline.convert", interrupted)
    code, _, err = run(capsys, monkeypatch, pooled_run, "--out", tmp_path / "out")

    assert code == 130
    assert err.splitlines()[-1] == (
        "Interrupted; no unfinished model was written. Repeat a command of from-photos to go on."
    )
    assert not (tmp_path / "out").exists()


def test_precisions_stand_side_by_side():
    test = {"right": 9, "photos": 10, "accuracy_95": [0.6, 0.98]}
    shared = {"accuracy": {"test": test}, "latency_ms": {"1": 12.34, "2": 7.0}}
    fp32 = {"file": "a-fp32.onnx", "bytes": 58_900_000, "agreement_with_fp32": {"count": 10, "of": 10}, **shared}
    int8 = {"file": "a-int8.onnx", "bytes": 14_800_000, "agreement_with_fp32": {"count": 9, "of": 10}, **shared}
    parity = {"parity": {"max_difference": 1e-6, "same_top1": 12, "pictures": 12}}
    kept = {"layer_errors": {}, "layers_kept_in_float": ["block1_conv1/Conv"]}
    assert to_table([fp32 | parity, int8 | kept]).splitlines() == [
        "file:       a-fp32.onnx                      a-int8.onnx",
        "size:       58.90 MB                         14.80 MB",
        "test:       9/10 right (60.0%-98.0%)         9/10 right (60.0%-98.0%)",
        "as fp32:    10/10 photos                     9/10 photos",
        "1 thread:   12.3 ms                          12.3 ms",
        "2 threads:  7.0 ms                           7.0 ms",
        "Keras:      differs by 1e-06, same on 12/12",
        "in float:                                    block1_conv1/Conv, the last layer",
    ]
