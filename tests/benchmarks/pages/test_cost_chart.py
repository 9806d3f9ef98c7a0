"""The chart of README shows the kept figures."""

from benchmarks.pages.cost_chart import draw_costs


def test_each_bar_has_its_value_and_the_gain_is_that_of_the_package() -> None:
    timings = {
        "ONNX Runtime fp32": {"threads": {"1": {"ms": {"p50": 118.46}, "times_onnx_fp32": {"ratio": 1.0}}}},
        "edge-infer int8, slim": {"threads": {"1": {"ms": {"p50": 6.389}, "times_onnx_fp32": {"ratio": 18.546}}}},
    }
    files = {"full fp32": {"bytes": 58_914_926}, "slim int8": {"bytes": 3_854_209}}
    figure = draw_costs({"gems": {"rows": timings, "files": files, "default_threads": 2}})
    sizes, times = figure.axes
    assert [round(bar.get_width(), 2) for bar in sizes.patches] == [58.91, 3.85]
    assert [bar.get_width() for bar in times.patches] == [118.46, 6.389]
    assert [text.get_text().split() for text in sizes.texts] == [["58.9"], ["3.9", "15x", "smaller"]]
    assert [text.get_text().split() for text in times.texts] == [["118.5"], ["6.4", "19x", "faster"]]
    assert [label.get_text() for label in sizes.get_yticklabels()] == ["gems: VGG16 in fp32", "gems: bundled, int8"]
