"""A run's network in the formats of other runtimes."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import tensorflow as tf

from benchmarks.harness.machine import NotMeasuredError
from edge_infer.runtime.session import INPUT_NAME
from export.conversion.convert import serving_function
from train.quiet import silent_stderr
from train.runs.finished import FinishedRun


def convert_to_tflite(run: FinishedRun, path: Path, *, int8_weights: bool = False) -> Path:
    """Write a network, from pixels to probabilities, as a TensorFlow Lite model for one picture.

    Args:
        run: The run.
        path: Where to write it.
        int8_weights: Store the weights as int8, activations being quantized while it runs (dynamic range).
    """
    # With a free batch size it would not be handed to XNNPACK.
    signature = tf.TensorSpec((1, *run.network.input_shape[1:]), tf.uint8, name=INPUT_NAME)
    archive = keras.export.ExportArchive()
    archive.track(run.network)
    serve = serving_function(run.network, run.temperature).python_function  # tf.function
    archive.add_endpoint("serve", serve, input_signature=[signature])
    with TemporaryDirectory() as saved, silent_stderr():
        archive.write_out(saved, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if int8_weights else []
        path.write_bytes(converter.convert())
    return path


def convert_to_ncnn(model: Path, image_size: int, folder: Path) -> Path:
    """Convert a fp32 ONNX file for one picture, with the program of the package pnnx.

    Args:
        model: The file.
        image_size: Side of its input, pixels.
        folder: Where to write.

    Returns:
        The `.param` file, beside which the `.bin` file lies.

    Raises:
        NotMeasuredError: pnnx is not installed, or failed.
    """
    # The package itself cannot be imported without PyTorch; its program needs none.
    found = find_spec("pnnx")
    if found is None or found.submodule_search_locations is None:
        raise NotMeasuredError("pnnx not installed")
    (package,) = found.submodule_search_locations
    source, param = folder / "network.onnx", folder / "network.ncnn.param"
    source.write_bytes(model.read_bytes())  # pnnx writes beside what it reads
    command = [f"{package}/pnnx", str(source), f"inputshape=[1,{image_size},{image_size},3]u8"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0 or not param.exists():
        raise NotMeasuredError(f"pnnx could not convert {model.name}")
    # ncnn has no integer pictures and no such layer; it is given floats.
    param.write_text(param.read_text(encoding="utf-8").replace("Tensor.to ", "Noop "), encoding="utf-8")
    return param
