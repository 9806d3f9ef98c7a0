"""The straight line from a finished run to a checked model file.

run -> converted -> checked -> compared with Keras -> quantized -> measured -> written.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import onnx

from edge_infer.model_file.metadata import ClassifierMetadata, Precision
from edge_infer.runtime.session import KNOWN_NAME, OUTPUT_NAME
from export.candidate import Candidate, answered, quantized
from export.compared_photos import ComparedPhotos, compared_photos
from export.conversion.convert import convert, keras_answers
from export.conversion.graph import check_graph
from export.conversion.parity import MAX_KNOWN_DIFFERENCE, border_pictures, check_parity, compare
from export.description import describe
from export.errors import ModelNameError, SecondLookError
from export.output import Exported, both_files, check_absent, write_model
from export.results.accuracy import check_drop
from export.results.report import measure
from train.data.dataset import Dataset
from train.imports.finished import ImportedRun
from train.metrics import softmax
from train.progress import say
from train.runs.finished import FinishedRun


def export(
    run: FinishedRun | ImportedRun,
    dataset: Dataset,
    out: Path,
    precisions: Sequence[Precision] = ("fp32",),
    *,
    name: str | None = None,
    max_drop: float = 0.02,
    second_look: float | None = None,
) -> list[Exported]:
    """Export a run; everything is checked before anything is written.

    Args:
        run: A finished run of `python -m train`, slim or not.
        dataset: Its photos.
        out: Folder for a `.onnx` file and a `.json` report of each precision.
        precisions: What to write.
        name: The model's name; by default the recipe's, or the run folder's where the
            recipe has no task of its own.
        max_drop: Share of the held-out photos, 0–1, that int8 may answer less right than fp32; unless it
            is 0, one photo is always allowed.
        second_look: As in `edge_infer.model_file.metadata.ClassifierMetadata`.

    Raises:
        DataError: The run's photos are not there.
        ModelNameError: The name is not a plain file name.
        SecondLookError: A second look was asked for, and the model looks at faces.
        OutputExistsError: A file exists.
        GraphError: The conversion broke the contract.
        ParityError: The file does not answer as Keras does, or int8 loses too much.
    """
    name = model_name(run, name)
    if second_look is not None and run.spec.face is not None:
        raise SecondLookError(f"model {name!r} looks at faces: leave out --second-look")
    stem = f"{name}-slim" if run.is_slim else name
    targets = {precision: out / f"{stem}-{precision}.onnx" for precision in precisions}
    check_absent(chain.from_iterable(map(both_files, targets.values())), "--out or --name")
    data = run.data(dataset)

    say("Converting to ONNX")
    model = convert(run.network, run.temperature)
    check_graph(model)
    photos = compared_photos(run, data)
    fp32 = converted(run, model, replace(describe(run, name), second_look=second_look), photos)
    candidates = {"fp32": fp32}
    if "int8" in precisions:
        candidates["int8"] = quantized(fp32, photos.pictures, photos.calibration)
        check_drop(fp32.answers, candidates["int8"].answers, photos, max_drop)
    measured = {
        precision: measure(candidates[precision], fp32.answers, photos, run.metrics["kfold"]) for precision in targets
    }
    return [
        write_model(target, content, {"file": target.name, **report})
        for target, (content, report) in zip(targets.values(), measured.values(), strict=True)
    ]


def model_name(run: FinishedRun | ImportedRun, name: str | None) -> str:
    """Return what a run's model is called.

    Raises:
        ModelNameError: The name is not a plain file name.
    """
    name = name or run.name
    if Path(name).name != name:  # it may come from the run folder's recipe
        raise ModelNameError(f"{name!r} cannot name a model: its file would lie in another folder; give another --name")
    return name


def converted(
    run: FinishedRun | ImportedRun, model: onnx.ModelProto, metadata: ClassifierMetadata, photos: ComparedPhotos
) -> Candidate:
    """Return the converted model, once it answers as the Keras network does.

    Raises:
        ParityError: It does not.
    """
    at_border = list(border_pictures(photos.framed))
    candidate = answered(model, metadata, {}, [*photos.pictures, *at_border])
    if photos.logits is None:
        expected = keras_answers(run.network, run.temperature, [*photos.pictures, *at_border])
    else:
        expected = keras_answers(run.network, run.temperature, at_border)
        expected[OUTPUT_NAME] = np.concatenate([softmax(photos.logits / run.temperature), expected[OUTPUT_NAME]])
    parity = compare(expected[OUTPUT_NAME], candidate.answers)
    check_parity(parity)
    known = candidate.known
    if known is not None:
        of_known = compare(expected[KNOWN_NAME][:, np.newaxis], known[:, np.newaxis])
        check_parity(of_known, MAX_KNOWN_DIFFERENCE)
        parity = replace(parity, max_difference=max(parity.max_difference, of_known.max_difference))
        known = known[: len(photos.pictures)]
    record = parity.to_record()
    return replace(
        candidate,
        metadata=replace(candidate.metadata, parity=record),
        told={"parity": record},
        answers=candidate.answers[: len(photos.pictures)],
        known=known,
    )
