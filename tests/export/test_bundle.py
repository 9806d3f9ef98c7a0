import hashlib
import json
from pathlib import Path

import pytest

from edge_infer.errors import MetadataError, ModelNotFoundError
from edge_infer.model_file import registry
from export.bundle import bundle
from export.errors import BundleError
from tests.support.tiny_model import write_tiny_model


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"schema_version": 1, "models": {}}')
    return folder


def manifest(models: Path) -> dict:
    return json.loads((models / "manifest.json").read_text())


def test_a_file_is_copied_and_listed(models: Path, tmp_path: Path) -> None:
    file = write_tiny_model(tmp_path / "any-name.onnx", attribution=("somebody",))
    assert bundle([file], models) == ["colours"]
    assert (models / "colours.onnx").read_bytes() == file.read_bytes()
    assert manifest(models)["models"] == {
        "colours": {
            "file": "colours.onnx",
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "bytes": file.stat().st_size,
            "licence": "MIT",
            "attribution": ["somebody"],
        }
    }


def test_a_newer_file_replaces_and_the_others_stay(models: Path, tmp_path: Path) -> None:
    files = [write_tiny_model(tmp_path / f"{name}.onnx", name=name) for name in ("b", "a")]
    bundle(files, models)
    newer = write_tiny_model(tmp_path / "b.onnx", name="b", version="2.0.0")
    bundle([newer], models)
    assert list(manifest(models)["models"]) == ["a", "b"]
    assert (models / "b.onnx").read_bytes() == newer.read_bytes()


@pytest.mark.parametrize("content", [b"no model", None])
def test_nothing_is_bundled_when_one_file_is_wrong(models: Path, tmp_path: Path, content: bytes | None) -> None:
    good, bad = write_tiny_model(tmp_path / "good.onnx"), tmp_path / "bad.onnx"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises((MetadataError, ModelNotFoundError, ValueError), match=r"bad\.onnx"):
        bundle([good, bad], models)
    assert [path.name for path in models.iterdir()] == ["manifest.json"]


def test_the_package_lists_what_it_holds() -> None:
    """The shipped manifest agrees with the shipped files."""
    listed = manifest(registry.MODELS_DIR)["models"]
    assert {entry["file"] for entry in listed.values()} == {path.name for path in registry.MODELS_DIR.glob("*.onnx")}
    for entry in listed.values():
        content = (registry.MODELS_DIR / entry["file"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry["sha256"], entry["bytes"])
        assert entry["licence"]
        assert entry["attribution"]


@pytest.mark.parametrize("names", [("../up",), ("A b",), ("same", "same")])
def test_names_that_are_no_file_names_of_their_own_are_refused(
    models: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    files = [write_tiny_model(tmp_path / f"{i}.onnx", name=name) for i, name in enumerate(names)]
    with pytest.raises(BundleError, match="cannot be bundled as"):
        bundle(files, models)
    assert [path.name for path in models.iterdir()] == ["manifest.json"]
