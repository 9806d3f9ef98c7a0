"""One network in each runtime that a user might pick.

Every function here is called in a process of its own, and only there imports what it needs. It
returns what answers a batch of one picture, `uint8 [1, H, W, 3]`, with probabilities `[1, C]`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness.workers import Contender

Pixels = npt.NDArray[np.uint8]
Answer = Callable[[Pixels], npt.NDArray[np.floating[Any]]]


def contender(build: Callable[[], Answer], pictures: Path, answers: Path) -> Contender:
    """Let a runtime answer pictures, keep what it says, and return what is timed: one answer.

    Args:
        build: One of the functions below, but for its arguments.
        pictures: A `.npy` file, `uint8 [N, H, W, 3]`.
        answers: Written: a `.npy` file, `[N, C]`.
    """
    answer, batch = build(), np.load(pictures)
    np.save(answers, np.concatenate([answer(picture[np.newaxis]) for picture in batch]))
    return partial(answer, batch[:1])


def keras_predict(run: Path, threads: int | None) -> Answer:
    """Return `keras.Model.predict` of a run's network, as a notebook calls it."""
    from train.quiet import start_tensorflow

    start_tensorflow(threads)
    from train.metrics import softmax
    from train.networks.network import LOGITS
    from train.runs.finished import load_run

    finished = load_run(run)

    def answer(batch: Pixels) -> npt.NDArray[np.floating[Any]]:
        told = finished.network.predict(batch, verbose=0)
        return softmax((told[LOGITS] if isinstance(told, dict) else told) / finished.temperature)

    return answer


def tf_function(run: Path, threads: int | None) -> Answer:
    """Return a run's network as the compiled function that is also exported."""
    from train.quiet import start_tensorflow

    start_tensorflow(threads)
    import tensorflow as tf

    from edge_infer.runtime.session import OUTPUT_NAME
    from export.conversion.convert import serving_function
    from train.runs.finished import load_run

    finished = load_run(run)
    serve = serving_function(finished.network, finished.temperature)
    return lambda batch: serve(tf.constant(batch))[OUTPUT_NAME].numpy()


def tflite(model: Path, threads: int | None) -> Answer:
    """Return a TensorFlow Lite model in LiteRT, which is what TensorFlow's own interpreter has become."""
    from train.quiet import silent_stderr

    with silent_stderr():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(model), num_threads=threads)
        interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    # `known`, where a network has it, is one number a picture.
    (probabilities,) = (output for output in interpreter.get_output_details() if len(output["shape"]) == 2)

    def answer(batch: Pixels) -> npt.NDArray[np.float32]:
        interpreter.set_tensor(image["index"], batch)
        interpreter.invoke()
        answered: npt.NDArray[np.float32] = interpreter.get_tensor(probabilities["index"])
        return answered

    return answer


def openvino(model: Path, threads: int | None) -> Answer:
    """Return an ONNX file in OpenVINO, on the CPU and in full precision: it would take bfloat16 where it can."""
    import openvino as ov

    from edge_infer.runtime.session import OUTPUT_NAME

    core = ov.Core()
    network = core.read_model(model)
    network.reshape([1, *network.input().partial_shape[1:]])
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(network, "CPU", settings).create_infer_request()
    return lambda batch: request.infer([batch])[OUTPUT_NAME].copy()


def ncnn(model: Path, threads: int | None) -> Answer:
    """Return what `convert_to_ncnn` wrote, in ncnn."""
    import ncnn as runtime

    network = runtime.Net()
    network.opt.num_threads = threads
    network.load_param(str(model))
    network.load_model(str(model.with_suffix(".bin")))

    def answer(batch: Pixels) -> npt.NDArray[np.float32]:
        extractor = network.create_extractor()
        picture = batch[0].astype(np.float32)
        extractor.input("in0", runtime.Mat(picture).clone())  # a Mat alone may outlive the array that it is a view of
        return np.array(extractor.extract("out0")[1])[np.newaxis]

    return answer


def onnx_runtime(model: Path, threads: int | None) -> Answer:
    """Return an ONNX file in onnxruntime as it comes, with nothing set but threads."""
    from benchmarks.harness.contenders import bare_session
    from edge_infer.runtime.session import INPUT_NAME, OUTPUT_NAME

    session = bare_session(str(model), threads or 0, "long")
    return lambda batch: session.run([OUTPUT_NAME], {INPUT_NAME: batch})[0]


def edge_infer(model: Path, threads: int | None) -> Answer:
    """Return an ONNX file in this package: all that `classify` does with a decoded picture."""
    from edge_infer import Classifier

    classifier = Classifier(str(model), threads=threads, faces="never", second_look="never")

    def answer(batch: Pixels) -> npt.NDArray[np.floating[Any]]:
        scores = {scored.label: scored.score for scored in classifier.classify(batch[0]).scores}
        return np.array([[scores[label] for label in classifier.labels]])

    return answer
