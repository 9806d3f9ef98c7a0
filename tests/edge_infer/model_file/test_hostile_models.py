"""Model files that attack: each is refused with a typed error, in bounded time and memory, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.support.tiny_model import tiny_model

MAX_TIME_S = 2.0  # of CPU: a busy machine may stop a process for longer
MAX_EXTRA_MB = 100.0
MAX_ADDRESS_SPACE = 3_000_000_000

# Loads every named model and prints what became of it, at which cost, and which files were opened for it.
LOADER = """
import json, os, resource, sys, time
import numpy as np
from edge_infer.classifier import Classifier

def peak_mb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
Classifier(sys.argv[2], threads=1).classify(np.zeros((8, 8, 3), np.uint8))
for path in sys.argv[3:]:
    open("/proc/self/clear_refs", "w").write("5")  # forgets the peak
    before, started = peak_mb(), time.process_time()
    opened.clear()
    try:
        Classifier(path, threads=1).classify(np.zeros((8, 8, 3), np.uint8))
        outcome = "answered"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    used_s, others = time.process_time() - started, set(opened) - {path}
    print(json.dumps([outcome.replace(path, "FILE"), sorted(others), used_s, peak_mb() - before]), flush=True)
"""


def with_nodes(count: int) -> bytes:
    """Append nodes as bytes: protobuf would take a minute for a million."""
    node = helper.make_node("Identity", ["votes"], ["unused"]).SerializeToString()
    field = b"\x0a" + bytes([len(node)]) + node
    model = tiny_model()
    graph = model.graph.SerializeToString() + field * count
    model.ClearField("graph")
    length = len(graph)
    size = bytes([length >> shift & 127 | (128 if length >> shift + 7 else 0) for shift in range(0, 28, 7)])
    return model.SerializeToString() + b"\x3a" + size.rstrip(b"\0") + graph


def edited(edit: object) -> bytes:
    model = tiny_model()
    edit(model)
    return model.SerializeToString()


def external(location: str) -> bytes:
    def edit(model: ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return edited(edit)


def claim(*shape: int) -> bytes:
    def edit(model: ModelProto) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(shape)

    return edited(edit)


def nested(depth: int) -> bytes:
    def edit(model: ModelProto) -> None:
        node = helper.make_node("Identity", ["votes"], ["unused"])
        for _ in range(depth):
            graph = helper.make_graph([node], "inner", [], [])
            node = helper.make_node("Loop", ["votes"], ["unused"], body=graph)
        model.graph.node.append(node)

    return edited(edit)


def all_of(value: float) -> bytes:
    def edit(model: ModelProto) -> None:
        model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full(11, value, np.float32), "bias"))

    return edited(edit)


def endless(model: ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["unused"], body=body))


def huge(model: ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([2**40]), "many"))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["many"], ["unused"]))


WHOLE = tiny_model().SerializeToString()
NOT_HELD = "ModelFormatError: FILE: it keeps weights in another file"
CLAIMS = "ModelFormatError: FILE: a tensor claims more values than the file holds"
CASES: dict[str, tuple[object, str]] = {
    "empty": (lambda: b"", "ModelFormatError: FILE: not an ONNX model: it has no graph"),
    "half": (lambda: WHOLE[: len(WHOLE) // 2], "ModelFormatError: FILE: not a whole ONNX model"),
    "10 MB of zeros": (lambda: bytes(10_000_000), "ModelFormatError: FILE: not an ONNX model"),
    "10 MB of one field": (lambda: WHOLE + b"\x28\1" * 5_000_000, "ModelFormatError: FILE: it has more than 500000"),
    "a million nodes": (lambda: with_nodes(1_000_000), "ModelFormatError: FILE: it has more than 10000 nodes"),
    "2**60 bytes": (lambda: claim(2**58), CLAIMS),
    "2**60 bytes by two axes": (lambda: claim(2**29, 2**29), CLAIMS),
    "negative axis": (lambda: claim(-3, 11), CLAIMS),
    "external": (lambda: external("weights.bin"), NOT_HELD),
    "external, absolute": (lambda: external("/etc/passwd"), NOT_HELD),
    "external, above": (lambda: external("../weights.bin"), NOT_HELD),
    "external, link": (lambda: external("link.bin"), NOT_HELD),
    "external, memory": (lambda: external("*/_ORT_MEM_ADDR_/*"), NOT_HELD),
    "deep nesting": (lambda: nested(20), "ModelFormatError: FILE: it has control flow"),
    "endless loop": (lambda: edited(endless), "ModelFormatError: FILE: it has control flow"),
    "a terabyte of constants": (lambda: edited(huge), "ModelFormatError: FILE: it uses 'ConstantOfShape'"),
    "unknown operator": (
        lambda: edited(lambda model: setattr(model.graph.node[1], "op_type", "Teleport")),
        "ModelFormatError: FILE: it uses 'Teleport'",
    ),
    "unknown domain": (
        lambda: edited(lambda model: setattr(model.graph.node[1], "domain", "org.elsewhere")),
        "ModelFormatError: FILE: it uses operators of 'org.elsewhere'",
    ),
    "newer opset": (
        lambda: edited(lambda model: setattr(model.opset_import[0], "version", 9999)),
        "ModelFormatError: FILE: onnxruntime refuses it",
    ),
    "newer IR": (
        lambda: edited(lambda model: setattr(model, "ir_version", 9999)),
        "ModelFormatError: FILE: onnxruntime refuses it",
    ),
    "NaN": (lambda: all_of(np.nan), "ModelOutputError: the model's output is not a probability distribution"),
    "good": (lambda: WHOLE, "answered"),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory by /proc")
def test_every_hostile_model_is_refused_in_bounded_time_and_memory_without_opening_another_file(
    tmp_path: Path, tiny_model_path: Path
) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    paths = []
    for number, (make, _) in enumerate(CASES.values()):
        paths.append(str(tmp_path / f"{number}.onnx"))
        Path(paths[-1]).write_bytes(make())
    command = [sys.executable, "-c", LOADER, str(MAX_ADDRESS_SPACE), str(tiny_model_path), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = dict(zip(CASES, map(json.loads, done.stdout.splitlines()), strict=True))
    expected = {name: start for name, (_, start) in CASES.items()}
    assert {name: outcome[: len(expected[name])] for name, (outcome, *_) in outcomes.items()} == expected
    assert {name: others for name, (_, others, *_) in outcomes.items() if others} == {}
    costs = {name: cost for name, (_, _, *cost) in outcomes.items()}
    assert {name: cost for name, cost in costs.items() if cost[0] > MAX_TIME_S or cost[1] > MAX_EXTRA_MB} == {}
