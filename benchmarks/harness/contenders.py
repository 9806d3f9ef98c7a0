"""What is timed: the classifier, and the bare network in onnxruntime that it is held against."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from benchmarks.harness.workers import Contender
from edge_infer import Classifier
from edge_infer.model_file.metadata import ClassifierMetadata, InputSpec
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.golden import golden_pictures
from edge_infer.runtime.session import CPU_PROVIDER, INPUT_NAME, session_options

# What threads do that wait for work: spin for long (onnxruntime's own default), briefly (ours), or sleep.
Spinning = Literal["long", "briefly", "never"]


def classifier(model: str, threads: int) -> Contender:
    """Return `Classifier.classify` on a decoded picture of the model's input size.

    Faces are not looked for, nor is there a second look: what is compared is the way into the network and out of it.
    """
    loaded = Classifier(model, threads=threads, faces="never", second_look="never")
    picture = batch_of(loaded.metadata.input, 1)[0]
    return lambda: loaded.classify(picture)


def network(model: str, threads: int, spinning: Spinning = "long", batch: int = 1) -> Contender:
    """Return a bare `session.run` of the same file on the same picture."""
    session = bare_session(model, threads, spinning)
    inputs = {INPUT_NAME: batch_of(open_model(model, ClassifierMetadata).metadata.input, batch)}
    return lambda: session.run(None, inputs)


def bare_session(model: str, threads: int, spinning: Spinning) -> ort.InferenceSession:
    """Return a session as a script would make it, from the file, with nothing set but threads and spinning."""
    file = open_model(model, ClassifierMetadata)
    if spinning == "briefly":
        options = session_options(file.metadata.weight_bits, threads=threads)
    else:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0" if spinning == "never" else "1")
    return ort.InferenceSession(str(file.path), options, providers=[CPU_PROVIDER])


def batch_of(spec: InputSpec, size: int) -> npt.NDArray[np.uint8]:
    """Return pictures of the input's size, `uint8 [size, H, W, 3]`."""
    pictures = golden_pictures(spec)
    return np.concatenate([pictures] * -(-size // len(pictures)))[:size]
