"""What a fresh process costs before it has answered: whole processes, and the steps inside one."""

import json
from functools import partial
from typing import Any

from benchmarks.harness.processes import classify_command, model_arguments, output_of, python
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.harness.timing import interleave

# The least any program can do that answers with onnxruntime: import what it needs…
IMPORTS = "import numpy, PIL.Image, onnxruntime"
# …and also load the same file and run it once, on zeros.
BARE = """
import sys
import numpy as np
import onnxruntime as ort

session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
image = session.get_inputs()[0]
session.run(None, {image.name: np.zeros((1, *image.shape[1:]), np.uint8)})
"""
# The steps, each timed where it happens.
STEPS = """
import json, sys, time
moments = [time.perf_counter()]
from edge_infer.classifier import Classifier
moments.append(time.perf_counter())
classifier = Classifier(sys.argv[1], quick_start=True)
classifier.classify_many([])  # loads the network
moments.append(time.perf_counter())
classifier.classify(sys.argv[2])
moments.append(time.perf_counter())
names = ("import", "load", "first")
print(json.dumps({name: after - before for name, before, after in zip(names, moments, moments[1:])}))
"""
MUST_HOLD = 2.2  # whole command / bare imports


def measure_cold_start(model: str, photo: str, processes: int) -> dict[str, Any]:
    """Time fresh processes, in turn.

    Args:
        model: Bundled name or file.
        photo: What to classify.
        processes: Of each kind.

    Returns:
        Summaries in ms of bare imports, of the whole `edge-infer classify`, and of the steps `import`,
        `load` and `first` (decode and inference) within a process; and the ratio of the first two.
    """
    command = classify_command(*model_arguments(model), photo)
    seconds = time_processes({"imports": python(IMPORTS), "classify": command}, processes)
    steps = [json.loads(output_of(python(STEPS, model, photo))) for _ in range(processes)]
    return {
        **{f"{name}_ms": summarize_ms(times) for name, times in seconds.items()},
        "classify_over_imports": ratio_of_medians(seconds["classify"], seconds["imports"]),
        "steps_ms": {name: summarize_ms([step[name] for step in steps]) for name in steps[0]},
    }


def time_processes(commands: dict[str, list[str]], processes: int) -> dict[str, list[float]]:
    """Return the seconds of fresh processes, by name, started in turn; one of each is not counted."""
    return interleave({name: partial(output_of, command) for name, command in commands.items()}, processes, warm_up=1)
