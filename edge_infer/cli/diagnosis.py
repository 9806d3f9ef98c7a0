"""What can be said about an installation and its machine, for `edge-infer doctor`.

Each check is a function that returns what it found; one that fails, however, is a finding
too, so that a half-broken installation is described as far as possible.
"""

import importlib.util
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from edge_infer.runtime.cpus import affinity_cpus, cpu_fields, cpu_quota, int8_flags

State = Literal["ok", "missing", "broken"]

PACKAGES = ("edge-infer", "onnxruntime", "numpy", "pillow", "click")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        topic: What was looked at.
        state: `ok`; `missing` for what can be done without; `broken` for what is needed.
        text: In one line.
    """

    topic: str
    state: State
    text: str

    def to_record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return asdict(self)


def examine() -> list[Finding]:
    """Run every check, in the order in which they depend on each other."""
    checks: dict[str, Callable[[], Finding]] = {
        "versions": _versions,
        "system": _system,
        "processor": _processor,
        "cores": _cores,
        "providers": _providers,
        "webcam": _webcam,
        "cache": _cache,
    }
    findings = [_checked(topic, check) for topic, check in checks.items()]
    return [*findings, *_models()]


def _checked(topic: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # whatever is broken here is what is asked for
        return Finding(topic, "broken", (str(error) or type(error).__name__).splitlines()[0])


def _versions() -> Finding:
    found = {name: _version(name) for name in PACKAGES}
    text = ", ".join(f"{name} {number or 'is not installed'}" for name, number in found.items())
    return Finding("versions", "ok" if all(found.values()) else "broken", text)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _system() -> Finding:
    return Finding("system", "ok", f"Python {platform.python_version()}, {platform.platform()}, {sys.executable}")


def _processor() -> Finding:
    try:
        fields = cpu_fields()
    except OSError:  # not Linux
        return Finding("processor", "ok", platform.processor() or platform.machine())
    flags = ", ".join(int8_flags(fields)) or "none"
    return Finding("processor", "ok", f"{fields.get('model name') or platform.machine()}; for int8: {flags}")


def _cores() -> Finding:
    quota = cpu_quota()
    limit = "" if quota is None else f", limited to {quota:.3g} by a control group"
    return Finding("cores", "ok", f"{affinity_cpus()} of {os.cpu_count()} usable{limit}")


def _providers() -> Finding:
    import onnxruntime

    names = onnxruntime.get_available_providers()
    state: State = "ok" if "CPUExecutionProvider" in names else "broken"
    return Finding("providers", state, ", ".join(name.removesuffix("ExecutionProvider").lower() for name in names))


def _webcam() -> Finding:
    if importlib.util.find_spec("cv2") is None:
        return Finding("webcam", "missing", 'OpenCV is not installed: pip install "edge-infer[webcam]"')
    import cv2

    return Finding("webcam", "ok", f"OpenCV {cv2.__version__}")


def _cache() -> Finding:
    """Look whether the feature cache of training could be written; running models needs none."""
    from edge_infer.cache import default_cache

    folder = default_cache()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    is_writable = existing.is_dir() and os.access(existing, os.W_OK)
    return Finding(
        "cache", "ok" if is_writable else "missing", f"{folder}{'' if is_writable else ' cannot be written'}"
    )


def _models() -> list[Finding]:
    from edge_infer.model_file.registry import bundled_models

    try:
        names = list(bundled_models())
    except Exception as error:  # as above
        return [Finding("models", "broken", str(error))]
    return [_checked(f"model {name}", lambda name=name: _model(name)) for name in names]  # type: ignore[misc]


def _model(name: str) -> Finding:
    from edge_infer.model_file.metadata import ClassifierMetadata
    from edge_infer.model_file.opening import open_model
    from edge_infer.runtime.session import start_session

    file = open_model(name)  # checks its sha256
    start_session(file)
    text = f"version {file.metadata.version}, as released, loads"
    match file.metadata:
        case ClassifierMetadata(min_known=float(min_known)):
            text += f", none of these below known {min_known:.3f}"
    return Finding(f"model {name}", "ok", text)
