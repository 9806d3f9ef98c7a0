"""What came of importing Keras files: small models with one pain each, the published networks, keras.applications."""

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.pages.tables.markdown import table

_ENDINGS = {"sigmoid": "one sigmoid unit"}


def fixture_table(result: Mapping[str, Any]) -> str:
    """Return how far each small model's answers are from the original's."""
    rows = [
        (
            name.rsplit(", Keras", 1)[0],
            f"Keras {found['keras']}",
            f"`{found['file']}`",
            _ENDINGS.get(found["ending"], found["ending"]),
            _bound(found["largest_difference"]),
            f"{found['same_top1']}/{found['pictures']}",
        )
        for name, found in result["fixtures"].items()
    ]
    return table(("model", "saved by", "file", "ends in", "differs by less than", "same answer"), rows)


def application_table(result: Mapping[str, Any]) -> str:
    """Return how far each classifier of keras.applications is from the original, as an ONNX file."""
    rows = [
        (
            name,
            f"{found['parameters'] / 1e6:.1f} M",
            _bound(found["largest_difference"]),
            f"{found['same_top1']}/{found['pictures']}",
        )
        for name, found in sorted(result["networks"].items())
    ]
    return table(("network", "parameters", "differs by less than", "same answer"), rows)


def published_table(result: Mapping[str, Any]) -> str:
    """Return what came of the published networks, from the file that was saved to the slim one."""
    rows: list[tuple[str, ...]] = []
    for name, found in result["networks"].items():
        files, whole, slim, timed = (found[step]["figures"] for step in ("files", "int8", "slim", "timed"))
        read = list(files.values())
        worst, parity = max(file["largest_difference"] for file in read), timed["parity"]
        same = f"{sum(file['same_top1'] for file in read)}/{sum(file['pictures'] for file in read)}"
        original = f"{whole['original']['right']}/{whole['original']['photos']}"
        as_keras = (
            f"differs by {parity['max_difference']:.0e} at most, {parity['same_top1']}/{parity['pictures']} alike"
        )
        rows += [
            (name, "Keras", _mb(read[0]["bytes"]), original, f"{_bound(worst)} in {len(read)} files, {same} alike", ""),
            ("", "fp32", _mb(timed["fp32"]["bytes"]), original, as_keras, "1"),
        ]
        for what, measured, key in (("int8", whole, "int8"), ("int8, slim", slim, "slim int8")):
            agreed = measured["agreement_with_fp32"]
            right = f"{measured['test']['right']}/{measured['test']['photos']}"
            faster = f"{timed[key]['times_faster']['ratio']:.1f}"
            rows.append(
                ("", what, _mb(measured["bytes"]), right, f"{agreed['count']}/{agreed['of']} as its own fp32", faster)
            )
    return table(("network", "file", "size", "test photos right", "compared", "times as fast as fp32"), rows)


def _bound(difference: float) -> str:
    """Return the power of ten above a difference, whose digits are noise."""
    return f"1e{math.ceil(math.log10(max(difference, 1e-9)))}"


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
