from pathlib import Path

import pytest

from edge_infer.cache import CACHE_VARIABLE, default_cache
from edge_infer.errors import OutputError


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_INFER_CACHE", "/chosen")
    assert default_cache() == Path("/chosen")
    monkeypatch.delenv("EDGE_INFER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert default_cache() == Path("/xdg/edge-infer")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_cache() == Path("/home/me/.cache/edge-infer")


def test_without_a_home_the_cache_folder_has_to_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for variable in (CACHE_VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(OutputError, match=r"no home folder: give --cache DIR or set EDGE_INFER_CACHE"):
        default_cache()
