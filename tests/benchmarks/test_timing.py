from benchmarks.timing import interleave, machine, summarize_ms


def test_contenders_take_turns_and_the_warm_up_is_not_counted():
    calls = []
    seconds = interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3, warm_up=1)

    assert "".join(calls) == "abababab"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_times_are_summarized_in_milliseconds():
    assert summarize_ms([0.001, 0.002, 0.003, 0.004, 0.005]) == {"p25": 1.5, "p50": 3.0, "p75": 4.5, "runs": 5}


def test_the_machine_is_described():
    described = machine()

    assert described["cores"] >= 1
    assert {"cpu", "python", "system", "onnxruntime", "numpy", "pillow", "click"} <= described.keys()
