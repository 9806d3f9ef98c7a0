import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_infer.errors import ChecksumError, ModelFormatError, ModelNotFoundError
from edge_infer.model_file import registry
from edge_infer.model_file.opening import open_model
from edge_infer.model_file.registry import BundledModel, bundled_models, find_model
from tests.support.tiny_model import METADATA


@pytest.fixture
def bundle(tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BundledModel]:
    """A package whose one bundled model is `colours`."""
    data = tiny_model_path.read_bytes()
    path = tmp_path / "models" / "colours-1.onnx"
    path.parent.mkdir()
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    entry = {"file": path.name, "sha256": digest, "bytes": len(data), "licence": "MIT"}
    manifest = {"schema_version": 1, "models": {"colours": entry}}
    (path.parent / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setattr(registry, "MODELS_DIR", path.parent)
    bundled_models.cache_clear()
    yield BundledModel("colours", path, digest, len(data), "MIT")
    bundled_models.cache_clear()


def test_the_manifest_lists_the_bundled_models(bundle: BundledModel) -> None:
    assert bundled_models() == {"colours": bundle}


def test_a_bundled_name_gives_its_file_and_digest(bundle: BundledModel) -> None:
    assert find_model("colours") == (bundle.path, bundle.sha256)
    assert open_model("colours").metadata == METADATA


def test_a_bundled_name_wins_over_a_file_of_that_name(
    bundle: BundledModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("colours").write_bytes(b"mine")
    assert find_model("colours") == (bundle.path, bundle.sha256)
    assert find_model("./colours") == (Path("colours"), None)


def test_a_changed_bundled_model_is_refused(bundle: BundledModel) -> None:
    data = bytearray(bundle.path.read_bytes())
    data[-1] ^= 1
    bundle.path.write_bytes(data)
    with pytest.raises(ChecksumError) as caught:
        open_model("colours")
    actual = hashlib.sha256(data).hexdigest()
    assert str(caught.value) == (
        f"bundled model colours-1.onnx is damaged (its sha256 is {actual[:12]}…, not {bundle.sha256[:12]}…): "
        "reinstall edge-infer"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"models": 1}',
        '{"models": {"x": {}}}',
        '{"models": {"x": {"file": "../x.onnx", "sha256": "", "bytes": 0, "licence": ""}}}',
        '{"models": {"x": {"file": "/etc/passwd", "sha256": "", "bytes": 0, "licence": ""}}}',
    ],
)
def test_a_damaged_manifest_is_one_line(bundle: BundledModel, text: str) -> None:
    (registry.MODELS_DIR / "manifest.json").write_text(text)
    bundled_models.cache_clear()
    with pytest.raises(ModelFormatError, match=r"^the list of bundled models is damaged: reinstall edge-infer$"):
        find_model("x")


@pytest.mark.parametrize(
    ("frozen", "advice"),
    [(False, "reinstall edge-infer"), (True, "reinstall edge-infer and freeze it with `--collect-data edge_infer`")],
)
def test_a_missing_manifest_says_what_to_do(
    bundle: BundledModel, monkeypatch: pytest.MonkeyPatch, frozen: bool, advice: str
) -> None:
    (registry.MODELS_DIR / "manifest.json").unlink()
    bundled_models.cache_clear()
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    with pytest.raises(ModelFormatError) as caught:
        find_model("x")
    assert str(caught.value) == f"the bundled models are missing: {advice}"


def test_a_missing_bundled_model_is_not_found(bundle: BundledModel) -> None:
    bundle.path.unlink()
    with pytest.raises(ModelNotFoundError, match=r"colours-1\.onnx cannot be read: No such file"):
        open_model("colours")


def test_a_file_of_ones_own_needs_no_digest(tiny_model_path: Path) -> None:
    assert find_model(tiny_model_path) == (tiny_model_path, None)
    assert find_model(str(tiny_model_path)) == (tiny_model_path, None)


@pytest.mark.parametrize("name", ["gemz", "Colours", ""])
def test_an_unknown_name_lists_the_known_ones(bundle: BundledModel, name: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        find_model(name)
    assert f"no bundled model is named {name!r} (bundled: colours)" in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


def test_the_detector_is_not_among_the_classifiers() -> None:
    with pytest.raises(ModelNotFoundError, match=r"\(bundled: gems, gender\)"):
        find_model("face")


@pytest.mark.parametrize("name", ["my.onnx", "models/mine", "/nowhere/mine.bin"])
def test_a_missing_path_is_called_a_missing_file(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=f"model file {name} does not exist"):
        find_model(name)


def test_a_folder_or_an_address_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=f"^{tmp_path} is a folder: give an .onnx file"):
        find_model(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"^s3://mine/y\.onnx is an address, not a file: download it first$"):
        find_model("s3://mine/y.onnx")


def test_the_released_files_are_the_manifests() -> None:
    bundled_models.cache_clear()
    for model in bundled_models().values():
        data = model.path.read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (model.size_bytes, model.sha256)
    assert json.loads((registry.MODELS_DIR / "manifest.json").read_text(encoding="utf-8"))["schema_version"] == 1
