"""Does every classifier of keras.applications come through, that is made of layers which are read?

    python -m benchmarks.imports.applications --json OUT.json          # all, ~1 min each
    python -m benchmarks.imports.applications MobileNet Xception       # some

Each is made with random weights that keep its answers apart, saved as .h5, imported, converted, and asked for the same
pictures as the original.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.harness.invocation import typed_command
from train.console import run as run_command
from train.files import read_json, write_json
from train.progress import say
from train.quiet import start_tensorflow

NETWORKS = (
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile"),
    *("EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4"),
    *("EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2S"),
    *("DenseNet121", "DenseNet169", "DenseNet201", "ResNet50", "ResNet50V2", "InceptionV3", "Xception"),
)
MAX_DIFFERENCE = 1e-4
_SIDE = 224  # where a network takes any
_PICTURES = 4
_LOGIT_SPREAD = 2.0
_FILE = click.Path(dir_okay=False, path_type=Path)


def measure(name: str) -> dict[str, Any]:
    """Import one network and compare it with the original.

    Returns:
        Parameters, the largest difference of a probability, the spread of the answers, and seconds.
    """
    import keras
    import numpy as np
    import onnxruntime as ort

    from edge_infer.model_file.metadata import InputSpec
    from edge_infer.runtime.golden import golden_pictures
    from edge_infer.runtime.session import OUTPUT_NAME, session_options
    from export.conversion.convert import convert
    from export.conversion.graph import check_graph
    from train.imports.imported import import_model, network_of, scaled
    from train.imports.scaling import Scaling
    from train.metrics import softmax

    started = time.monotonic()
    keras.utils.set_random_seed(0)
    original = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    randomize(original)
    _, rows, columns, _ = original.input_shape
    size: tuple[int, int] = (rows or _SIDE, columns or _SIDE)
    batch = golden_pictures(InputSpec(*size))[:_PICTURES]
    # The first two scale pixels themselves.
    scaling: Scaling = "none" if name.startswith(("EfficientNet", "MobileNetV3")) else "signed"
    seen = scaled(batch, scaling, is_bgr=False)
    adapt(original, seen)
    spread_answers(original, original.predict(seen, verbose=0))
    expected = softmax(original.predict(seen, verbose=0))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        original.save(path)
        imported = import_model(path, size=None if rows else size)
    del original
    model = convert(network_of(imported, scaling, is_bgr=False), 1.0)
    check_graph(model)
    session = ort.InferenceSession(model.SerializeToString(), session_options(None), providers=["CPUExecutionProvider"])
    answers = session.run([OUTPUT_NAME], {"image": batch})[0]
    return {
        "parameters": imported.core.count_params(),
        "largest_difference": float(np.abs(answers - expected).max()),
        "same_top1": int((answers.argmax(axis=1) == expected.argmax(axis=1)).sum()),
        "pictures": len(batch),
        "spread": float(expected.std(axis=0).max()),
        "seconds": round(time.monotonic() - started),
    }


def randomize(network: Any) -> None:  # noqa: ANN401  # a Keras model
    """Give every weight a value of its own, so that none could be missed or mistaken."""
    import keras
    import numpy as np

    rng = np.random.default_rng(0)
    for layer in network.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance", "variance"):
                weight.assign(rng.uniform(0.8, 1.2, weight.shape))
            elif weight.name in ("beta", "bias", "moving_mean", "mean"):
                weight.assign(rng.normal(0, 0.1, weight.shape))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its weights, as they were when it was built


def adapt(network: Any, seen: Any) -> None:  # noqa: ANN401  # a Keras model and its input
    """Let every BatchNormalization learn what it sees: else a deep random network answers the same to all pictures."""
    for layer in network.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0
    network(seen, training=True)


def spread_answers(network: Any, logits: Any) -> None:  # noqa: ANN401  # a Keras model and what it answers
    """Enlarge the last kernel until answers differ from picture to picture: else parity would show nothing."""
    last = next(layer for layer in reversed(network.layers) if layer.weights)
    kernel, bias = last.get_weights()
    factor = _LOGIT_SPREAD / logits.std(axis=0).mean()
    # Less what all pictures have in common, or one class would be sure of all of them.
    last.set_weights([kernel * factor, (bias - logits.mean(axis=0)) * factor])


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NETWORKS))
@click.option("--json", "out", type=_FILE, help="Result to write; networks that it has are not measured again.")
def main(names: tuple[str, ...], out: Path | None) -> None:
    """Import classifiers of keras.applications, NAMES or all."""
    start_tensorflow()
    kept = read_json(out, "networks")["networks"] if out is not None and out.exists() else {}
    for name in names or NETWORKS:
        if name in kept:
            continue
        kept[name] = measure(name)
        found = kept[name]
        say(f"{name}: {found['parameters'] / 1e6:.1f} M parameters, differs by {found['largest_difference']:.1e}")
        if out is not None:
            write_json(out, {"command": typed_command(), "networks": kept})
    if missed := [name for name in names or NETWORKS if kept[name]["largest_difference"] > MAX_DIFFERENCE]:
        raise click.ClickException(f"more than {MAX_DIFFERENCE:g} apart: {', '.join(missed)}")


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.imports.applications", interrupted="Interrupted; what is measured is kept.")
