"""Files are whole or not there."""

from pathlib import Path

import pytest

from edge_infer.atomic_files import write_atomic


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    (tmp_path / "net.weights.h5").write_text("old")

    def write_half(path: Path) -> None:
        assert path.name.endswith("net.weights.h5")
        path.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "net.weights.h5", write_half)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("net.weights.h5", "old")]
