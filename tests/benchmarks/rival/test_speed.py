from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.workers import Round
from benchmarks.rival import speed
from benchmarks.rival.speed import timings
from tests.support.tiny_model import write_tiny_model


def rounds(ms: float) -> list[Round]:
    return [Round([ms / 1e3, 3 * ms / 1e3, ms / 1e3], cpu_s=6 * ms / 1e3)] * 4


def test_times_are_held_against_those_of_the_same_threads() -> None:
    measured = {("a", 1): rounds(8), ("b", 1): rounds(2), ("a", 2): rounds(5), ("b", 2): rounds(10)}
    of_a = timings("a", measured)
    assert {count: of_count["ms"]["p50"] for count, of_count in of_a.items()} == {"1": 8.0, "2": 5.0}
    assert {count: of_count["cpu_ms"] for count, of_count in of_a.items()} == {"1": 16.0, "2": 10.0}
    assert of_a["1"]["least_ms"] == 8.0
    assert of_a["1"]["times"] == {"b": {"ratio": 4.0, "ratio_95": [4.0, 4.0]}}
    assert of_a["2"]["times"] == {"b": {"ratio": 0.5, "ratio_95": [0.5, 0.5]}}


@pytest.mark.parametrize(("bits", "is_guarded"), [(8, True), (7, False)])
def test_only_weights_of_8_bits_run_with_the_guard(
    bits: int, is_guarded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_model(tmp_path / "tiny.onnx", precision="int8", weight_bits=bits)
    monkeypatch.setattr("edge_infer.runtime.session._multiplies_int8_exactly", lambda: False)
    used = []

    class Session:
        def __init__(self, model: bytes, options: object, providers: list[str]) -> None:
            used.append(options)

        def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> list[int]:
            return [len(next(iter(inputs.values())))]

    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    run = speed.contender(str(path), 2)
    assert run() == [1]
    assert used[0].intra_op_num_threads == 2
    if is_guarded:
        assert used[0].get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError, match="does not have"):
            used[0].get_session_config_entry("session.x64quantprecision")
