from pathlib import Path

import pytest

import export.__main__ as command


def run(capsys, monkeypatch, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["export", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def test_the_report_is_printed_and_the_next_step_named(pooled_run: Path, tmp_path: Path, capsys, monkeypatch):
    code, out, err = run(capsys, monkeypatch, pooled_run, "--out", tmp_path / "out")

    assert code == 0
    assert out.startswith("file:       small-fp32.onnx, 58.86 MB")
    assert "same answer on 51/51 pictures" in out
    assert err.rstrip().endswith(f"next: edge-infer classify --model {tmp_path / 'out' / 'small-fp32.onnx'} PHOTO")


def test_a_missing_run_is_one_line(tmp_path: Path, capsys, monkeypatch):
    code, out, err = run(capsys, monkeypatch, tmp_path / "none", "--out", tmp_path / "out")

    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == f"Error: run folder {tmp_path / 'none'} does not exist"
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_that_nothing_was_written(pooled_run: Path, tmp_path: Path, capsys, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("export.pipeline.convert", interrupted)
    code, _, err = run(capsys, monkeypatch, pooled_run, "--out", tmp_path / "out")

    assert code == 130
    assert err.splitlines()[-1] == "Interrupted; nothing was written."
    assert not (tmp_path / "out").exists()
