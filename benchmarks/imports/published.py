"""Do the networks of the published projects come through `from-keras`, and what is left of them when they are slimmed?

    python -m benchmarks.imports.published runs/gems-improved runs/gender-baseline --work out/published --json OUT.json

Each run is one of `python -m train gems-improved` or `gender-baseline`. Its network is saved as the project would have
saved it, by Keras 2 and 3, as .h5 and .keras. Each file is read and compared with the original's own `predict`; one of
them goes the whole way, with no option but `--photos`, as it is and with `--speedup`. What is in OUT.json is not
measured again, so a measurement can be stopped and continued.
"""

import shutil
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.harness.timing import interleave
from benchmarks.imports.course_models import SUFFIXES, course_model, keras_of, save
from edge_infer.cli.number_range import NumberRange
from train.console import run as run_command
from train.files import read_json, write_json
from train.options import LARGEST_SPEEDUP
from train.progress import say
from train.quiet import start_tensorflow

PICTURES = 50  # on which a file is compared with the original
ROUNDS = 40
_FOLDER = click.Path(path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_WHOLE = (3, ".h5")  # the file that goes the whole way


def compare_files(path: Path, work: Path) -> dict[str, Any]:
    """Save a run's network by both versions of Keras, and compare what is read with the original's `predict`.

    Args:
        path: The run.
        work: Where the saved files are left.

    Returns:
        For each file its size, the seconds it took to read, and how its answers differ.
    """
    import numpy as np

    from train.imports.imported import import_model, network_of, scaled
    from train.metrics import softmax
    from train.runs.finished import load_run

    run = load_run(path)
    photos = run.data(run.folder.dataset()).part_photos("test")[:PICTURES]
    pixels = np.stack([run.load(photo) for photo in photos])
    found = {}
    for major in (2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the format that most people save in
            model = course_model(keras_of(major), run)
            answers = np.asarray(model.predict(scaled(pixels, "unit", is_bgr=False), verbose=0), np.float64)
            files = [save(model, work, major, suffix) for suffix in SUFFIXES]
        expected = answers if answers.shape[1] > 1 else np.concatenate([1 - answers, answers], axis=1)
        for file in files:
            started = time.monotonic()
            imported = import_model(file)
            seconds = time.monotonic() - started
            actual = softmax(network_of(imported, "unit", is_bgr=False).predict(pixels, verbose=0))
            found[f"Keras {major}, {file.suffix}"] = {
                "bytes": file.stat().st_size,
                "read_s": round(seconds, 1),
                "pictures": len(pixels),
                "largest_difference": float(np.abs(actual - expected).max()),
                "same_top1": int((actual.argmax(axis=1) == expected.argmax(axis=1)).sum()),
            }
    return found


def whole_way(path: Path, work: Path, speedup: float | None) -> dict[str, Any]:
    """Take a saved file through `from-keras` with nothing but photos: those of the run, divided as it divided them.

    Args:
        path: The run.
        work: Where the saved files are; model files are left there.
        speedup: How slim; None to leave the network as it is.

    Returns:
        What was found out, what the file's report says, and the seconds that it took.
    """
    from export.from_keras import from_keras_and_photos
    from train.data.splits import copy_split
    from train.imports.options import Told
    from train.runs.finished import load_run
    from train.slim.goal import Goal

    run = load_run(path)
    data = run.data(run.folder.dataset())
    photos, name = work / "photos", "slim" if speedup else "whole"
    if not photos.exists():
        copy_split(data.photos, data.split, photos)
    for old in work.glob(f"{name}*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    major, suffix = _WHOLE
    started = time.monotonic()
    _, report = from_keras_and_photos(
        work / f"keras{major}{suffix}",
        Told(None, None, None, (), None, None, None, None, None),
        work / f"{name}.onnx",
        photos=photos,
        test=None,
        work=work / f"{name}-run",
        goal=None if speedup is None else Goal(speedup=speedup),
        mixed_precision=False,
        precision="int8",
        max_drop=0.02,
    )
    seconds = round(time.monotonic() - started)
    record, metrics = (read_json(work / f"{name}-run" / file) for file in ("imported.json", "metrics.json"))
    found = {key: record[key] for key in ("scaling", "channels", "resize", "interpolation", "order", "ending")}
    result = {
        "seconds": seconds,
        "photos": len(data.photos),
        "found": found | {"labels": metrics["labels"]},
        "original": {key: metrics["test"][key] for key in ("right", "photos", "accuracy")},
        **{key: report[key] for key in ("bytes", "test", "agreement_with_fp32", "layers_kept_in_float")},
    }
    if speedup is None:
        return result
    return result | {"slim": read_json(work / f"{name}-run-slim" / "metrics.json")["slim"]}


def time_files(path: Path, work: Path) -> dict[str, Any]:
    """Time the fp32 file, the int8 file and the slim one in turn, on one thread.

    Args:
        path: The run.
        work: Where `whole_way` left its files.

    Returns:
        Milliseconds of each, and how many times faster than fp32 the others are.
    """
    from edge_infer.model_file.metadata import ClassifierMetadata
    from edge_infer.model_file.opening import open_model
    from edge_infer.runtime.session import Session
    from export.pipeline import export
    from train.imports.finished import load_any_run
    from train.runs.finished import load_run

    fp32 = work / "fp32"
    shutil.rmtree(fp32, ignore_errors=True)
    imported = load_any_run(work / "whole-run")
    (exported,) = export(imported, imported.folder.dataset(work / "photos"), fp32)
    files = {"fp32": exported.path, "int8": work / "whole.onnx", "slim int8": work / "slim.onnx"}
    run = load_run(path)
    picture = run.load(run.folder.dataset().photos[0])[None]
    sessions = {name: Session(open_model(file, ClassifierMetadata), threads=1) for name, file in files.items()}
    seconds = interleave({name: partial(session.run, picture) for name, session in sessions.items()}, ROUNDS)
    return {
        name: {
            "bytes": files[name].stat().st_size,
            "ms": summarize_ms(taken),
            "times_faster": ratio_of_medians(seconds["fp32"], taken),
        }
        for name, taken in seconds.items()
    } | {"parity": exported.report["parity"]}


@click.command()
@click.argument("runs", nargs=-1, required=True, type=_FOLDER)
@click.option("--work", type=_FOLDER, required=True, help="Folder for what is made on the way.")
@click.option("--speedup", type=NumberRange(1, LARGEST_SPEEDUP), default=8.0, show_default=True, help="How slim.")
@click.option("--json", "out", type=_FILE, required=True, help="Result to write, or to continue.")
def main(runs: tuple[Path, ...], work: Path, speedup: float, out: Path) -> None:
    """Take the networks of published RUNs through `from-keras`."""
    start_tensorflow()
    result = read_json(out, "networks") if out.exists() else {"networks": {}}
    for path in runs:
        steps = {
            "files": partial(compare_files, path),
            "int8": partial(whole_way, path, speedup=None),
            "slim": partial(whole_way, path, speedup=speedup),
            "timed": partial(time_files, path),
        }
        kept = result["networks"].setdefault(path.name, {})
        for step, measure in steps.items():
            if step not in kept:
                say(f"{path.name}: {step}")
                described = machine()
                figures = measure(work=work / path.name)
                kept[step] = {"command": typed_command(), "machine": described, "figures": figures}
                write_json(out, result)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.imports.published", interrupted="Interrupted; what is measured is kept.")
