"""The onnxruntime session: threads, provider, and the graph held to its metadata."""

import ctypes
import os
from functools import cache
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from edge_infer.errors import MetadataError, ModelFormatError, ModelOutputError, ProviderError
from edge_infer.model_file.metadata import ClassifierMetadata, ModelMetadata, WeightBits
from edge_infer.model_file.opening import ModelFile
from edge_infer.runtime.cpus import available_cpus, cpu_fields, int8_flags
from edge_infer.runtime.outputs import Outputs, checked

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
KNOWN_NAME = "known"  # the second output, which not every file has
CPU_PROVIDER = "CPUExecutionProvider"
# How long a thread spins for want of work, microseconds. One that sleeps wakes late, which a network of a millisecond
# feels if the next picture follows at once; by default some spin for 50 ms, and take the cores from what comes next,
# such as another session.
_SPIN_US = 200

_started: "WeakSet[ort.InferenceSession]" = WeakSet()


def find_provider(name: str) -> str:
    """Return onnxruntime's name of an execution provider.

    Args:
        name: `cpu`, `cuda`, `openvino`… or onnxruntime's own `CPUExecutionProvider`.

    Raises:
        ProviderError: This onnxruntime has no such provider.
    """
    available = ort.get_available_providers()
    wanted = name.lower().removesuffix("executionprovider")
    for provider in available:
        if provider.lower().removesuffix("executionprovider") == wanted:
            return str(provider)
    short = ", ".join(provider.removesuffix("ExecutionProvider").lower() for provider in available)
    raise ProviderError(f"provider {name!r} is not available in this onnxruntime (it has: {short})")


def session_options(
    weight_bits: WeightBits | None, *, threads: int | None = None, quick_start: bool = False, spinning: bool = True
) -> ort.SessionOptions:
    """Return the settings every session runs with.

    Args:
        weight_bits: As in the model's metadata: those of 8 bits need onnxruntime's exact sums on some CPUs.
        threads: As in `start_session`.
        quick_start: As in `start_session`.
        spinning: As in `start_session`.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads if threads is not None else available_cpus()
    options.inter_op_num_threads = 1
    if quick_start:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(_SPIN_US))
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if weight_bits == 8 and not _multiplies_int8_exactly():
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 4  # fatal only: errors reach the user once, as typed errors
    return options


def start_session(
    model: ModelFile[ModelMetadata],
    *,
    threads: int | None = None,
    provider: str = "cpu",
    quick_start: bool = False,
    spinning: bool = True,
) -> ort.InferenceSession:
    """Build an onnxruntime session from a model's bytes.

    Args:
        model: A checked model file.
        threads: Threads of one inference; None for every core this process may use.
        provider: Execution provider, as in `find_provider`.
        quick_start: Leave out the slowest step of loading a float model, which lays the weights
            out anew for the CPU: a VGG16 loads in half the time and runs about an eighth slower.
            An int8 model is loaded as ever: it would gain nothing, and take almost twice the time to run.
        spinning: Threads that wait for each other within an inference do so by spinning: a little faster on
            idle cores. On cores that others use too, threads that sleep are twice as fast.

    Raises:
        ProviderError: The provider is missing or was not used.
        ModelFormatError: onnxruntime refuses the graph.
    """
    chosen = find_provider(provider)
    options = session_options(
        model.metadata.weight_bits,
        threads=threads,
        quick_start=quick_start and model.metadata.precision == "fp32",
        spinning=spinning,
    )
    try:
        # Its fallback would print on stdout and go on with another provider.
        session = ort.InferenceSession(model.data, options, providers=[chosen], enable_fallback=0)
    except Exception as error:  # onnxruntime's error classes share no base of their own
        raise ModelFormatError(f"{model.path}: onnxruntime refuses it: {first_line(error)}") from error
    if chosen not in session.get_providers():
        raise ProviderError(f"onnxruntime did not use {chosen} although it was requested")
    _started.add(session)
    return session


def _keep_sessions() -> None:
    """Never end the parent's sessions in a forked child: that waits for threads which only the parent has.

    They answer there as before, on the calling thread alone.
    """
    for session in _started:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_sessions)


class Session:
    """A loaded classifier. Safe to share between threads.

    Args:
        model: A checked model file.
        threads: As in `start_session`.
        provider: As in `start_session`.
        quick_start: As in `start_session`.
        spinning: As in `start_session`.

    Raises:
        ModelError: As in `start_session`.
        MetadataError: Input, outputs or label count contradict the metadata.
    """

    def __init__(
        self,
        model: ModelFile[ClassifierMetadata],
        *,
        threads: int | None = None,
        provider: str = "cpu",
        quick_start: bool = False,
        spinning: bool = True,
    ) -> None:
        self._session = start_session(
            model, threads=threads, provider=provider, quick_start=quick_start, spinning=spinning
        )
        self.provider = self._session.get_providers()[0]
        self.threads = self._session.get_session_options().intra_op_num_threads
        self.classes = len(model.metadata.labels)
        self._outputs = [OUTPUT_NAME] if model.metadata.min_known is None else [OUTPUT_NAME, KNOWN_NAME]
        _check_contract(self._session, model.metadata, str(model.path))

    def run(self, batch_nhwc: npt.NDArray[np.uint8]) -> Outputs:
        """Classify a batch.

        Args:
            batch_nhwc: `uint8 [N, H, W, 3]`, RGB.

        Returns:
            The network's checked answers, a row for each picture.

        Raises:
            ModelOutputError: The network failed, or produced NaN or something else that is no
                distribution, or no share, for each picture.
        """
        try:
            probabilities, *known = self._session.run(self._outputs, {INPUT_NAME: batch_nhwc})
        except Exception as error:  # as above
            raise ModelOutputError(f"onnxruntime could not run the model: {first_line(error)}") from error
        return checked(probabilities, known[0] if known else None, len(batch_nhwc), self.classes)


@cache
def _multiplies_int8_exactly() -> bool:
    """Return whether the CPU is known to have VNNI.

    Without it, x86 sums two products of uint8 and int8 in 16 bits. Those of 8 bits overflow (2 * 255 * 127 is
    more than 32,767), those of 7 bits cannot (2 * 255 * 64 is 32,640). onnxruntime has a slower, exact way,
    but takes it on CPUs with VNNI too; on ARM the question does not arise.
    """
    try:
        flags = int8_flags(cpu_fields())
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def first_line(error: Exception) -> str:
    """Return what onnxruntime says first; stack traces follow."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _check_contract(session: Any, metadata: ClassifierMetadata, path: str) -> None:  # noqa: ANN401  # untyped library
    spec = metadata.input
    wanted_in = (INPUT_NAME, "tensor(uint8)", [spec.height, spec.width, 3])
    wanted_out = [(OUTPUT_NAME, "tensor(float)", [len(metadata.labels)])]
    if metadata.min_known is not None:
        wanted_out.append((KNOWN_NAME, "tensor(float)", []))
    try:
        inputs = [(node.name, node.type, node.shape) for node in session.get_inputs()]
        outputs = [(node.name, node.type, node.shape) for node in session.get_outputs()]
    except UnicodeDecodeError as error:  # of an axis, say, which nothing before this reads
        raise ModelFormatError(f"{path}: a name in the graph is not UTF-8: the file is damaged") from error
    has_known = KNOWN_NAME in [name for name, *_ in outputs]
    if has_known and metadata.min_known is None:
        raise MetadataError(f"{path}: the graph has an output 'known', but the metadata no min_known: export it again")
    if not has_known and metadata.min_known is not None:
        raise MetadataError(f"{path}: the metadata has a min_known, but the graph no output 'known': export it again")
    for kind, found, wanted in (("input", inputs, [wanted_in]), ("output", outputs, wanted_out)):
        if sorted(map(_fixed_axes, found), key=_name) != sorted(wanted, key=_name):  # they go by name, in any order
            raise MetadataError(f"{path}: the graph's {kind} is {found}, but its metadata promises {wanted}")


def _name(node: tuple[str, str, list[Any]]) -> str:
    return node[0]


def _fixed_axes(node: tuple[str, str, list[Any]]) -> tuple[str, str, list[Any]]:
    """Drop the leading axis when it is dynamic, so that a fixed batch size cannot pass."""
    name, kind, shape = node
    is_dynamic = bool(shape) and not isinstance(shape[0], int)
    return name, kind, shape[1:] if is_dynamic else shape
