"""Files that are given in place of a model are named, and what to do is said."""

import io
import zipfile
from pathlib import Path

import pytest

from edge_infer.errors import ModelFormatError
from edge_infer.model_file.mistaken import mistaken_for_model
from edge_infer.model_file.opening import open_model


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
LEGACY_PYTORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02"
MISTAKEN = {
    "LFS": (LFS, "a Git LFS pointer, not the file itself: fetch it with git lfs pull"),
    "web page": (b"\n<!DOCTYPE html><html>Sign in", "a web page: download the file itself"),
    "PyTorch": (zipped("archive/data.pkl", "archive/version"), "a PyTorch file: only models of Keras are exported"),
    "old PyTorch": (LEGACY_PYTORCH, "a PyTorch file: only models of Keras are exported"),
    "TFLite": (b"\x1c\0\0\0TFL3" + bytes(40), "a TensorFlow Lite model: give the Keras model that it was made of"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "a Keras model: python -m export from-keras makes an .onnx file of it"),
    "Keras 3": (zipped("metadata.json", "config.json"), "a Keras model: python -m export from-keras makes"),
}


@pytest.mark.parametrize(("content", "what"), MISTAKEN.values(), ids=MISTAKEN.keys())
def test_a_file_of_another_kind_is_named(content: bytes, what: str, tmp_path: Path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as refused:
        open_model(path)
    assert str(refused.value).startswith(f"{path} is {what}")


@pytest.mark.parametrize("content", [b"", b"PK", zipped("notes/metadata.json"), b"<svg", bytes(600)])
def test_what_is_not_known_is_not_named(content: bytes):
    assert mistaken_for_model(content) is None
