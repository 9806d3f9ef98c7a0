"""The same network on everything that a user might pick, measured in turn, each in a process of its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.harness.exported import exported_file
from benchmarks.harness.machine import NotMeasuredError, reason
from benchmarks.harness.model_identity import identify
from benchmarks.harness.plan import FULL, QUICK, Plan
from benchmarks.harness.samples import Rounds, ratio_of_medians, summarize_ms
from benchmarks.harness.workers import WarmUp, Worker, in_turn, seconds_of
from benchmarks.runtimes import networks
from benchmarks.runtimes.conversions import convert_to_ncnn, convert_to_tflite
from benchmarks.runtimes.networks import Answer, Pixels
from benchmarks.runtimes.row_names import EDGE_INFER_INT8, KERAS, KERAS_SLIM, ONNX_FP32
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.cpus import available_cpus
from export.results.quality import agreement
from train.data.photos import sha256_file
from train.progress import say
from train.runs.finished import FinishedRun
from train.runs.folder import WEIGHTS

DEFAULT = "default"  # instead of a number of threads
PACKAGES = ("tensorflow", "keras", "onnxruntime", "ai-edge-litert", "openvino", "ncnn", "pnnx")

# Full networks take long, on a small board seconds; a round is short so that there are enough of them.
PLAN = replace(FULL, warm_up=WarmUp(runs=5, seconds=2.0), rounds=20, runs=5, budget_s=1200.0, photos=16)
QUICK_PLAN = replace(QUICK, warm_up=WarmUp(runs=1, seconds=0.0), rounds=2, runs=1, photos=3)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the comparison.

    Attributes:
        name: What the table calls it.
        network: Which of the two networks it runs; its answers are held against that network's in Keras.
        build: From a file or folder and a number of threads (None for the runtime's own choice).
        source: Returns that file or folder, converted first where the runtime has a format of its own.
        packages: What must be installed besides what `train` and `export` need.
        sets_threads: Whether it is measured by threads.
    """

    name: str
    network: Literal["full", "slim"]
    build: Callable[[Path, int | None], Answer]
    source: Callable[[], Path]
    packages: tuple[str, ...] = ()
    sets_threads: bool = True


def model_files(full: FinishedRun, slim: FinishedRun, folder: Path) -> dict[str, Path]:
    """Return the four exported files: `full fp32`, `full int8`, `slim fp32`, `slim int8`."""
    return {
        f"{title} {precision}": exported_file(run.recipe, folder, precision)
        for title, run in (("full", full), ("slim", slim))
        for precision in ("fp32", "int8")
    }


def entries(full: FinishedRun, slim: FinishedRun, files: Mapping[str, Path], scratch: Path) -> list[Entry]:
    """Return the rows.

    Args:
        full: The full network's run.
        slim: The slim one's.
        files: As in `model_files`.
        scratch: Folder for converted files.
    """
    given: dict[str, Callable[[], Path]] = {name: partial(Path, path) for name, path in files.items()}
    tflite = partial(convert_to_tflite, full, scratch / "fp32.tflite")
    tflite_int8 = partial(convert_to_tflite, full, scratch / "int8.tflite", int8_weights=True)
    ncnn = partial(convert_to_ncnn, files["full fp32"], full.recipe.image_size, scratch)
    return [
        Entry(KERAS, "full", networks.keras_predict, lambda: full.path, sets_threads=False),
        Entry("tf.function", "full", networks.tf_function, lambda: full.path),
        Entry("TFLite fp32", "full", networks.tflite, tflite, ("ai-edge-litert",)),
        Entry("TFLite, int8 weights", "full", networks.tflite, tflite_int8, ("ai-edge-litert",)),
        Entry("OpenVINO fp32", "full", networks.openvino, given["full fp32"], ("openvino",)),
        Entry("OpenVINO int8", "full", networks.openvino, given["full int8"], ("openvino",)),
        Entry("ncnn", "full", networks.ncnn, ncnn, ("ncnn", "pnnx")),
        Entry(ONNX_FP32, "full", networks.onnx_runtime, given["full fp32"]),
        Entry("ONNX Runtime int8", "full", networks.onnx_runtime, given["full int8"]),
        Entry(KERAS_SLIM, "slim", networks.keras_predict, lambda: slim.path, sets_threads=False),
        Entry("ONNX Runtime fp32, slim", "slim", networks.onnx_runtime, given["slim fp32"]),
        Entry("ONNX Runtime int8, slim", "slim", networks.onnx_runtime, given["slim int8"]),
        Entry("edge-infer fp32, slim", "slim", networks.edge_infer, given["slim fp32"]),
        Entry(EDGE_INFER_INT8, "slim", networks.edge_infer, given["slim int8"]),
    ]


def measure_runtimes(
    full: FinishedRun,
    slim: FinishedRun,
    files: Path,
    pictures: Mapping[str, Pixels],
    threads: Sequence[int],
    plan: Plan,
    scratch: Path,
) -> dict[str, Any]:
    """Measure all rows in turn.

    Args:
        full: The full network's run.
        slim: The run of the network slimmed from it.
        files: Folder of their exported files.
        pictures: Test photos as the device loads them for `full` and for `slim`, `uint8 [N, H, W, 3]`.
        threads: Numbers of threads.
        plan: How often.
        scratch: Folder for converted files and answers.

    Returns:
        What was compared (`versions`, `weights_sha256`, `files`), `rows` by name, and `not_measured`.

    Raises:
        ModelError: A file is missing or no model file.
        NotMeasuredError: Keras, which all are held against, fails.
    """
    paths = model_files(full, slim, files)
    identities = {name: identify(open_model(path, ClassifierMetadata)) for name, path in paths.items()}
    compared, reasons = entries(full, slim, paths, scratch), {}
    for network, batch in pictures.items():
        np.save(scratch / f"{network}.npy", batch)
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for entry in compared:
            say(entry.name)
            try:
                workers |= _start(entry, threads, plan, scratch, stack)
            except NotMeasuredError as error:
                if entry.name in (KERAS, KERAS_SLIM):
                    raise NotMeasuredError(
                        f"{entry.name}, which the others are held against, fails: {error}"
                    ) from error
                reasons[entry.name] = str(error)
        say("Measuring in turn")
        rounds = in_turn(workers, rounds=plan.rounds, runs=plan.runs, budget_s=plan.budget_s)
    seconds = {key: seconds_of(measured) for key, measured in rounds.items()}
    return {
        "versions": versions(),
        "weights_sha256": {"full": sha256_file(full.path / WEIGHTS), "slim": sha256_file(slim.path / WEIGHTS)},
        "files": identities,
        "rows": {
            entry.name: {
                "network": entry.network,
                **_agreement(entry, threads, scratch),
                **_times(entry, threads, seconds),
            }
            for entry in compared
            if entry.name not in reasons
        },
        "not_measured": reasons,
    }


def versions() -> dict[str, str | None]:
    """Return the version of each package that takes part; None for what is not installed."""
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _start(entry: Entry, threads: Sequence[int], plan: Plan, scratch: Path, stack: ExitStack) -> dict[str, Worker]:
    """Start a worker for each number of threads."""
    if missing := [package for package in entry.packages if _version(package) is None]:
        raise NotMeasuredError(f"{' and '.join(missing)} not installed")
    try:
        source = entry.source()
    except Exception as error:  # whatever a converter raises is why it is not measured
        raise NotMeasuredError(reason(error)) from error
    workers = {}
    for count in _counts(entry, threads):
        build = partial(entry.build, source, count)
        key = _key(entry.name, count)
        contender = partial(networks.contender, build, scratch / f"{entry.network}.npy", scratch / f"{key}.npy")
        workers[key] = stack.enter_context(closing(Worker(contender, plan.warm_up)))
    return workers


def _agreement(entry: Entry, threads: Sequence[int], scratch: Path) -> dict[str, Any]:
    """Return how far its answers, with whatever threads, are from those of its network in Keras."""
    reference = np.load(scratch / f"{_key(KERAS if entry.network == 'full' else KERAS_SLIM, None)}.npy")
    answers = [np.load(scratch / f"{_key(entry.name, count)}.npy") for count in _counts(entry, threads)]
    found = [agreement(one, reference) for one in answers]
    return {"agreement": max(found, key=lambda one: (one["of"] - one["count"], one["largest_difference"]))}


def _times(entry: Entry, threads: Sequence[int], seconds: Mapping[str, Rounds]) -> dict[str, Any]:
    """Return its time by threads, and how many times faster it is than Keras and, with as many threads, onnxruntime."""
    times = {}
    for count in _counts(entry, threads):
        own = seconds[_key(entry.name, count)]
        onnx = seconds.get(_key(ONNX_FP32, available_cpus() if count is None else count))
        times[DEFAULT if count is None else str(count)] = {
            "ms": summarize_ms(own),
            "times_keras": ratio_of_medians(seconds[_key(KERAS, None)], own),
            "times_onnx_fp32": None if onnx is None else ratio_of_medians(onnx, own),
        }
    return {"threads": times}


def _counts(entry: Entry, threads: Sequence[int]) -> Sequence[int | None]:
    return threads if entry.sets_threads else (None,)


def _key(name: str, count: int | None) -> str:
    return f"{name}, {DEFAULT if count is None else count}"
