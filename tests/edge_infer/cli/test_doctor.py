import importlib.metadata
import json
import os
import sys
from hashlib import sha256
from pathlib import Path

import onnxruntime
import pytest

import edge_infer
from edge_infer.cli import diagnosis
from edge_infer.cli.diagnosis import Finding, examine
from edge_infer.cli.main import main
from edge_infer.model_file import registry
from edge_infer.model_file.registry import bundled_models
from edge_infer.runtime.cpus import affinity_cpus
from tests.support.tiny_model import write_tiny_model


def found(topic: str) -> Finding:
    return next(finding for finding in examine() if finding.topic == topic)


def doctor(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", *arguments])
    return stopped.value.code


def test_this_installation_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor() == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"onnxruntime {onnxruntime.__version__}" in out
    assert "ok      model faces:    version 1.0.0, as released, loads\n" in out
    assert {line[8:].split(":")[0] for line in out.splitlines()} == {
        *("versions", "system", "processor", "cores", "providers", "webcam", "cache"),
        *(f"model {name}" for name in bundled_models()),
    }


def test_a_model_that_knows_its_limits_is_listed_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny_model(tmp_path / "knowing.onnx", min_known=0.51)
    monkeypatch.setattr(registry, "MODELS_DIR", tmp_path)
    entry = {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    manifest = {"schema_version": 1, "models": {"knowing": entry | {"licence": "MIT"}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    bundled_models.cache_clear()
    try:
        finding = found("model knowing")
    finally:
        bundled_models.cache_clear()
    assert (finding.state, finding.text) == ("ok", "version 1.0.0, as released, loads, none of these below known 0.510")


def test_json_has_the_same_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor("--json") == 0
    assert json.loads(capsys.readouterr().out) == [finding.to_record() for finding in examine()]


def test_a_damaged_model_is_broken_and_the_others_are_still_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in registry.MODELS_DIR.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "faces.onnx").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "faces.onnx").write_bytes(damaged)
    monkeypatch.setattr(registry, "MODELS_DIR", tmp_path)
    bundled_models.cache_clear()
    try:
        assert doctor() == 3
    finally:
        bundled_models.cache_clear()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "model faces" in line]
    assert line.startswith("broken  model faces:    bundled model faces.onnx is damaged")


def test_a_damaged_list_of_models_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS_DIR", tmp_path)
    bundled_models.cache_clear()
    try:
        assert found("models").state == "broken"
    finally:
        bundled_models.cache_clear()


def test_a_package_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(package: str) -> str:
        if package == "pillow":
            raise importlib.metadata.PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(diagnosis, "version", version)
    assert found("versions") == Finding(
        "versions", "broken", "edge-infer 1.0, onnxruntime 1.0, numpy 1.0, pillow is not installed, click 1.0"
    )


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it fails
    providers = found("providers")
    assert (providers.state, "onnxruntime" in providers.text) == ("broken", True)


def test_without_the_cpu_provider_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert found("providers") == Finding("providers", "broken", "cuda")


def test_a_missing_webcam_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.importlib.util, "find_spec", lambda name: None)
    assert found("webcam").state == "missing"


def test_a_cache_that_cannot_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, state in ((tmp_path / "new" / "cache", "ok"), (tmp_path / "file" / "cache", "missing")):
        monkeypatch.setenv("EDGE_INFER_CACHE", str(folder))
        assert found("cache").state == state


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model name : Cortex-A76\nFeatures : fp asimd asimddp\n", "Cortex-A76; for int8: asimd, asimddp"),
        ("model name : Old\nflags : sse2\n", "Old; for int8: none"),
    ],
)
def test_the_processor_is_described(monkeypatch: pytest.MonkeyPatch, text: str, shown: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path, **_: text)
    assert diagnosis._processor() == Finding("processor", "ok", shown)


@pytest.mark.parametrize(("quota", "shown"), [(1.5, ", limited to 1.5 by a control group"), (None, "")])
def test_a_limit_of_cores_is_told(monkeypatch: pytest.MonkeyPatch, quota: float | None, shown: str) -> None:
    monkeypatch.setattr(diagnosis, "cpu_quota", lambda: quota)
    assert diagnosis._cores().text == f"{affinity_cpus()} of {os.cpu_count()} usable{shown}"


def test_the_version_is_the_packages_own() -> None:
    assert f"edge-infer {importlib.metadata.version('edge-infer')}" in found("versions").text
    assert importlib.metadata.version("edge-infer") == edge_infer.__version__
