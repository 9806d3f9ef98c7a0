import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest

import export.pipeline
from benchmarks.quality.model_accuracy import measure_accuracy
from edge_infer import Classifier
from edge_infer.model_file.metadata import ClassifierMetadata, FaceCrop, InputSpec
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.finding.folders import find_images
from edge_infer.runtime.session import Session
from export.candidate import answered, quantized
from export.compared_photos import ComparedPhotos
from export.conversion.int8 import last_layers
from export.conversion.parity import Parity
from export.description import TOOLS
from export.errors import DropError, OutputExistsError, ParityError, SecondLookError
from export.results.accuracy import check_drop
from tests.export.conftest import export_run
from tests.export.conversion.test_int8 import SIDE_PX, network
from tests.support.tiny_model import METADATA
from train.errors import DataError, RunFolderError
from train.fitting.known import KnownOutput
from train.networks.known import KNOWN, KNOWN_LOGITS
from train.pipeline import answer
from train.runs.finished import load_run
from train.views.features import load_batch


@pytest.fixture(scope="module")
def exported(pooled_run: Path, tmp_path_factory: pytest.TempPathFactory):
    (file,) = export_run(pooled_run, tmp_path_factory.mktemp("out"))
    return file


def test_the_written_file_classifies_the_training_photos_as_measured(exported, photos: Path, pooled_run: Path):
    classifier = Classifier(exported.path)
    parts = json.loads((pooled_run / "split.json").read_text())["parts"]
    answers = {path: classifier.classify(path).label for path in find_images(photos, recursive=True)}
    right = [Path(path).parent.name == label for path, label in answers.items()]

    assert sum(right) >= 0.9 * len(right)
    assert exported.report["accuracy"]["test"]["photos"] == list(parts.values()).count("test")


def test_a_file_looks_again_only_if_that_is_asked_for(exported, pooled_run: Path, tmp_path: Path):
    assert Classifier(exported.path).metadata.second_look is None
    (file,) = export_run(pooled_run, tmp_path, second_look=0.6)
    assert Classifier(file.path).metadata.second_look == 0.6
    assert file.report["accuracy"] == exported.report["accuracy"]


def test_a_model_of_faces_is_not_asked_to_look_again(pooled_run: Path, tmp_path: Path):
    run = load_run(pooled_run)
    of_faces = replace(run, recipe=replace(run.recipe, face=FaceCrop(margin=0.1, upright=True)))
    with pytest.raises(SecondLookError, match=r"^model 'small' looks at faces: leave out --second-look$"):
        export.pipeline.export(of_faces, run.folder.dataset(), tmp_path / "out", second_look=0.5)
    assert not list(tmp_path.iterdir())


def test_the_file_describes_itself(exported, pooled_run: Path):
    metadata = Classifier(exported.path).metadata
    metrics = json.loads((pooled_run / "metrics.json").read_text())

    assert (metadata.name, metadata.task, metadata.precision) == ("small", "small", "fp32")
    assert metadata.labels == ("blue", "green", "red")
    assert (metadata.input.height, metadata.input.width, metadata.input.resize) == (32, 32, "stretch")
    assert metadata.temperature == metrics["calibration"]["temperature"]
    assert metadata.min_score == metrics["calibration"]["min_score"]
    assert metadata.training["split_sha256"] == metrics["split"]["digest"]
    assert metadata.training["class_counts"] == {"blue": 8, "green": 8, "red": 8}
    assert metadata.parity == exported.report["parity"]
    assert metadata.accuracy["kfold"]["mean_accuracy"] == metrics["kfold"]["mean_accuracy"]
    assert set(metadata.tools) == set(TOOLS)


def test_the_report_is_that_of_the_accuracy_benchmark(exported, photos: Path, pooled_run: Path):
    run = load_run(pooled_run)
    test = run.data(run.folder.dataset()).part_photos("test")
    measured, _ = measure_accuracy(Classifier(exported.path), test, other=())
    report = json.loads(exported.path.with_suffix(".json").read_text())["test"]

    assert measured["confusion"].tolist() == report["confusion"]
    assert measured["certain"] == report["certain"]
    for figure in ("accuracy", "accuracy_95", "ece", "ece_95", "log_loss"):
        assert measured[figure] == pytest.approx(report[figure], abs=1e-5)


def test_parity_covers_every_photo_and_the_border_pictures(exported):
    assert exported.report["parity"]["pictures"] == 24 + 8 * 3 + 3
    assert exported.report["parity"]["same_top1"] == 51
    assert exported.report["parity"]["max_difference"] <= 1e-5


def test_exporting_again_in_another_process_gives_the_same_bytes(exported, pooled_run: Path, tmp_path: Path):
    command = [sys.executable, "-m", "export", str(pooled_run), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "4"})

    assert (tmp_path / exported.path.name).read_bytes() == exported.path.read_bytes()


def test_a_network_of_the_published_kind_is_exported_too(dense_run: Path, tmp_path: Path):
    (written,) = export_run(dense_run, tmp_path)

    assert written.path.name == "small-published-fp32.onnx"
    assert written.report["operators"]["Flatten"] == 1
    assert "kfold" not in written.report["accuracy"]


def test_an_existing_file_is_kept(exported, pooled_run: Path):
    before = exported.path.read_bytes()

    with pytest.raises(OutputExistsError, match=r"small-fp32\.onnx exists"):
        export_run(pooled_run, exported.path.parent)
    assert exported.path.read_bytes() == before


def test_a_file_that_answers_differently_is_not_written(pooled_run: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(export.pipeline, "compare", lambda *_: Parity(10, 0.2, 9))

    with pytest.raises(ParityError, match=r"differs from Keras by up to 0\.2"):
        export_run(pooled_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_int8_says_how_far_it_is_from_fp32_and_not_what_fp32_said_of_keras():
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(12)]
    spec, keras_parity = InputSpec(SIDE_PX, SIDE_PX), {"pictures": 1, "max_difference": 1e-6, "same_top1": 1}
    metadata = replace(METADATA, labels=("a", "b", "c"), input=spec, parity=keras_parity)

    fp32 = answered(network(), metadata, {}, pictures)
    int8 = quantized(fp32, pictures, pictures)
    difference = np.abs(int8.answers - fp32.answers).max()
    assert 1e-5 < difference <= int8.metadata.parity["max_difference"] <= 10 * difference
    assert (int8.metadata.parity["pictures"], int8.metadata.parity["same_top1"]) == (12, 12)
    assert (int8.metadata.precision, fp32.metadata.parity) == ("int8", keras_parity)
    assert (int8.metadata.weight_bits, fp32.metadata.weight_bits) == (7, None)


def test_a_candidate_has_what_is_known_of_each_photo_and_what_is_certain():
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(12)]
    metadata = replace(METADATA, labels=("a", "b", "c"), input=InputSpec(SIDE_PX, SIDE_PX), min_score=0.0)
    model = network(has_known=True)

    known = answered(model, replace(metadata, min_known=0.0), {}, pictures).known
    assert (known.shape, known.dtype) == ((12,), np.float32)
    fp32 = answered(model, replace(metadata, min_known=float(np.median(known))), {}, pictures)
    assert fp32.certain.tolist() == (known >= np.median(known)).tolist()
    assert fp32.certain.sum() == 6
    int8 = quantized(fp32, pictures, pictures)
    difference = np.abs(int8.known - fp32.known).max()
    assert 0 < difference < 0.05
    assert int8.metadata.parity["max_difference"] >= difference
    without = answered(network(), metadata, {}, pictures)
    assert (without.known, without.certain.tolist()) == (None, [True] * 12)


@pytest.mark.parametrize(("max_drop", "allowed"), [(0.0, 0), (0.02, 1), (0.1, 2), (0.14, 2), (0.15, 3)])
def test_int8_may_lose_no_more_than_its_share(max_drop: float, allowed: int):
    right = np.array([[1.0, 0.0], [0.0, 1.0]] * 10)
    photos = ComparedPhotos([], np.array([0, 1] * 10), np.arange(20), np.arange(10, 20), [], [])

    def answers(wrong: int) -> np.ndarray:
        return np.concatenate([right[:wrong, ::-1], right[wrong:]])

    check_drop(right, answers(allowed), photos, max_drop)
    with pytest.raises(
        DropError,
        match=f"answers {19 - allowed} of 20 held-out photos right, fp32 20, and may lose {allowed}; nothing is "
        "written; --max-drop allows more$",
    ):
        check_drop(right, answers(allowed + 1), photos, max_drop)


def test_photos_that_have_moved_can_be_named(pooled_run: Path, photos: Path, tmp_path: Path):
    run, moved = tmp_path / "run", tmp_path / "moved"
    shutil.copytree(pooled_run, run)
    shutil.copytree(photos, moved)
    (run / "data.json").write_text(json.dumps({"data": str(tmp_path / "gone"), "test": None}))

    with pytest.raises(DataError, match="gone does not exist"):
        export_run(run, tmp_path / "out")
    finished = load_run(run)
    data = finished.data(finished.folder.dataset(moved))
    assert [photo.path.parents[1] for photo in data.photos] == [moved] * 24


def test_other_photos_are_refused(pooled_run: Path, photos: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    next((other / "red").iterdir()).unlink()

    with pytest.raises(DataError, match="does not hold the photos of"):
        export_run(pooled_run, tmp_path / "out", data=other)


def test_an_unfinished_run_is_refused(pooled_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(pooled_run, run)
    (run / "metrics.json").unlink()

    with pytest.raises(RunFolderError, match="is not a finished run: finish it with"):
        export_run(run, tmp_path / "out")


def test_weights_of_another_network_are_refused(pooled_run: Path, dense_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(pooled_run, run)
    shutil.copy(dense_run / "network.weights.h5", run / "network.weights.h5")

    with pytest.raises(RunFolderError, match="does not hold this network's weights"):
        export_run(run, tmp_path / "out")


def test_a_network_trained_in_mixed_precision_is_exported_in_float32(train_run, cached_recipe, tmp_path: Path):
    run = train_run(replace(cached_recipe, name="mixed", mixed_precision=True))

    (file,) = export_run(run, tmp_path)
    assert file.report["operators"]["Cast"] == 1  # the pixels', nothing else changes type


def test_the_same_photos_under_other_labels_are_refused(pooled_run: Path, photos: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    (other / "red").rename(other / "rot")

    with pytest.raises(DataError, match=r"other \(blue, green, rot\) are not those of .* \(blue, green, red"):
        export_run(pooled_run, tmp_path / "out", data=other)


def known_of(path: Path, network: keras.Model, batch: np.ndarray) -> np.ndarray:
    """Return what a network's own weights, in float, say of the features that a model file computes."""
    model = onnx.load(path)
    (layer,) = last_layers(model.graph, ("known",))
    model.graph.output.append(onnx.helper.make_tensor_value_info(layer.input[0], onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    features = np.concatenate([session.run([layer.input[0]], {"image": picture[np.newaxis]})[0] for picture in batch])
    scale = float(network.get_layer(KNOWN).get_weights()[0])
    return KnownOutput(*network.get_layer(KNOWN_LOGITS).get_weights(), scale).known(features)


def test_a_network_that_knows_strangers_is_exported_with_its_threshold(known_run: Path, photos: Path, tmp_path: Path):
    run = load_run(known_run)
    files = export.pipeline.export(run, run.folder.dataset(), tmp_path, ("fp32", "int8"), max_drop=1.0)
    for file in files:
        model = open_model(file.path, ClassifierMetadata)
        assert model.metadata.min_known == run.metrics["calibration"]["min_known"]
        batch = load_batch(run.data(run.folder.dataset()).photos, run.recipe)
        outputs, keras_answers = Session(model).run(batch), answer(run.network, batch)
        assert np.ptp(keras_answers.known) > 0.01
        if model.metadata.precision == "fp32":
            assert outputs.known == pytest.approx(keras_answers.known, abs=1e-3)
        else:  # to a random network all photos are nearly one, so rounding is much of what its features see
            assert outputs.known == pytest.approx(known_of(file.path, run.network, batch), abs=1e-4)
