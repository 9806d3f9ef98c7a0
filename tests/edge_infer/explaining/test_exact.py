"""Exact maps: every cell's share and the bias add up to what the graph itself computes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edge_infer import Classifier
from edge_infer.model_file.onnx_graph import read_graph, with_outputs
from edge_infer.model_file.registry import bundled_models
from edge_infer.pictures.loading import load_input
from tests.support.pooled_model import LABELS, HeadKind, coloured_pictures, write_pooled_model

DIVISIBLE: tuple[HeadKind, ...] = ("average", "energy", "grid", "plain average")
TOLERANCE = 1e-3  # what the docs promise


@pytest.fixture(scope="module", params=[(kind, is_int8) for kind in DIVISIBLE for is_int8 in (False, True)])
def model_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, is_int8 = request.param
    return write_pooled_model(tmp_path_factory.mktemp("pooled") / "small.onnx", kind, is_int8=is_int8, min_known=0.5)


def logits_of(path: Path, picture: np.ndarray) -> np.ndarray:
    """Compute the logits by the file's own graph."""
    graph = onnx.load(path).graph
    (softmax,) = [node for node in graph.node if node.op_type == "Softmax"]
    name = next(node for node in graph.node if node.output[0] == softmax.input[0]).input[0]
    session = ort.InferenceSession(with_outputs(path.read_bytes(), [name]), providers=["CPUExecutionProvider"])
    return session.run([name], {"image": picture[np.newaxis]})[0][0]


def test_cells_and_bias_add_up_to_every_class_logit(model_path: Path) -> None:
    classifier = Classifier(model_path, threads=1)
    assert classifier.method == "exact"
    for picture in coloured_pictures():
        expected = logits_of(model_path, load_input(picture, classifier.metadata.input))
        for number, found in enumerate(classifier.explain(picture, LABELS).maps):
            assert (found.label, found.against) == (LABELS[number], ())
            assert found.cells.dtype == np.float32
            assert found.cells.std() > 1e-4
            assert found.logit == pytest.approx(expected[number], abs=1e-5)
            assert found.cells.sum() + found.bias == pytest.approx(expected[number], abs=TOLERANCE)
            assert found.on_picture().shape == (48, 64)
            assert found.on_picture().sum() + found.bias == pytest.approx(expected[number], abs=TOLERANCE)


def test_by_default_it_is_the_best_class_against_the_others(model_path: Path) -> None:
    classifier = Classifier(model_path, threads=1)
    for picture in coloured_pictures():
        explanation = classifier.explain(picture)
        best, *others = explanation.prediction.scores
        (found,) = explanation.maps
        assert found.label == best.label
        assert sorted(found.against) == sorted(score.label for score in others)
        # The temperature divides the logits before the softmax.
        log_odds = np.mean([np.log(best.score / score.score) for score in others])
        assert (found.cells.sum() + found.bias) / classifier.metadata.temperature == pytest.approx(log_odds, abs=2e-3)
        alone, *rest = classifier.explain(picture, [best.label, *found.against]).maps
        assert np.allclose(found.cells, alone.cells - np.mean([one.cells for one in rest], axis=0), atol=1e-5)


def test_known_is_divided_too(model_path: Path) -> None:
    classifier = Classifier(model_path, threads=1)
    for picture in coloured_pictures():
        explanation = classifier.explain(picture)
        known = explanation.prediction.known
        assert explanation.known is not None
        assert explanation.known.label == "known"
        assert explanation.known.cells.std() > 1e-4
        total = explanation.known.cells.sum() + explanation.known.bias
        assert total == pytest.approx(np.log(known / (1 - known)), abs=TOLERANCE)
        assert explanation.known.logit == pytest.approx(total, abs=TOLERANCE)


def test_the_answer_is_that_of_classify(model_path: Path) -> None:
    classifier = Classifier(model_path, threads=1)
    for picture in coloured_pictures():
        plain, explained = classifier.classify(picture), classifier.explain(picture).prediction
        assert plain.peak_box is None
        assert explained == replace(plain, peak_box=explained.peak_box)


def test_many_are_explained_in_order_and_failures_keep_their_place(model_path: Path, tmp_path: Path) -> None:
    classifier = Classifier(model_path, threads=2)
    pictures = list(coloured_pictures(7))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    found = list(classifier.explain_many([*pictures[:3], broken, *pictures[3:]], "beryl", batch_size=2))
    assert type(found[3].error).__name__ == "ImageDecodeError"
    del found[3]
    for picture, explanation in zip(pictures, found, strict=True):
        alone = classifier.explain(picture, "beryl").maps[0]
        assert np.allclose(explanation.maps[0].cells, alone.cells, atol=1e-5)
        assert explanation.maps[0].logit == pytest.approx(alone.logit, abs=1e-5)


def test_a_bright_place_that_alone_excites_the_maps_is_the_peak(tmp_path: Path) -> None:
    """Zero pixels and biases of zero: only the square says anything."""
    path = write_pooled_model(tmp_path / "small.onnx", "average")
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name in ("first.bias", "second.bias"):
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(tensor.dims, np.float32), tensor.name))
    path.write_bytes(model.SerializeToString())
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[24:36, 60:78] = (200, 120, 40)
    (found,) = Classifier(path, threads=1).explain(picture).maps
    outside = found.on_picture().copy()
    outside[6:48, 24:96] = 0  # as far as the receptive fields of the last maps reach, blur and interpolation
    assert np.abs(outside).sum() < 0.01 * np.abs(found.on_picture()).sum()
    left, top, right, bottom = found.peak_box
    assert 24 <= left < right <= 96
    assert 6 <= top < bottom <= 48


def test_a_label_that_the_model_lacks_is_named(model_path: Path) -> None:
    classifier = Classifier(model_path, threads=1)
    with pytest.raises(ValueError, match=r"model 'small' has no class 'Amber' \(it has: amber, beryl, coral\)"):
        classifier.explain(next(coloured_pictures()), "Amber")
    with pytest.raises(ValueError, match="has no class 'jade'"):
        classifier.explain_many([], ["amber", "jade"])
    with pytest.raises(TypeError, match="explain_many takes several sources; use explain for one"):
        classifier.explain_many("photo.jpg")


@pytest.mark.parametrize("name", list(bundled_models()))
def test_bundled_models_are_explained_exactly(name: str) -> None:
    """What every bundled file promises, whatever its recipe, int8 as it is."""
    if name == "faces":
        pytest.skip("it finds faces and classifies nothing")
    classifier = Classifier(name, threads=1, faces="never")
    assert classifier.method == "exact"
    for picture in coloured_pictures(3):
        for found in classifier.explain(picture, classifier.labels).maps:
            assert found.on_picture().sum() + found.bias == pytest.approx(found.logit, abs=TOLERANCE)
        (difference,) = classifier.explain(picture).maps
        assert difference.cells.std() > 1e-4
        assert difference.on_picture().sum() + difference.bias == pytest.approx(difference.logit, abs=TOLERANCE)
        assert (classifier.explain(picture).known is None) == (classifier.metadata.min_known is None)


def test_a_plain_answer_costs_what_it_did(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's own bytes are loaded, with its own outputs, and nothing else, until an explanation is asked for."""
    loaded: list[ort.InferenceSession] = []
    start = ort.InferenceSession

    def noted(data: bytes, *arguments: object, **options: object) -> ort.InferenceSession:
        session = start(data, *arguments, **options)
        loaded.append((data, [node.name for node in session.get_outputs()]))
        return session

    monkeypatch.setattr(ort, "InferenceSession", noted)
    before = model_path.read_bytes()
    classifier = Classifier(model_path, threads=1)
    picture = next(coloured_pictures())
    classifier.classify(picture)
    list(classifier.classify_many([picture] * 2))
    assert [(data == before, sorted(outputs)) for data, outputs in loaded] == [(True, ["known", "probabilities"])]
    classifier.explain(picture)
    classifier.explain(picture)
    assert len(loaded) == 2
    assert loaded[1][0].startswith(before)
    assert len(loaded[1][0]) - len(before) < 5000
    assert len(loaded[1][1]) > 8
    assert model_path.read_bytes() == before


def test_outputs_are_added_and_nothing_else(model_path: Path) -> None:
    before = onnx.load(model_path)
    after = onnx.load_from_string(with_outputs(model_path.read_bytes(), ["first/Relu", "second.bias"]))
    assert [value.name for value in after.graph.output] == ["probabilities", "known", "first/Relu", "second.bias"]
    del after.graph.output[2:]
    assert after == before
    graph = read_graph(model_path.read_bytes())
    assert [node.operator for node in graph.nodes] == [node.op_type for node in before.graph.node]
    assert [node.inputs for node in graph.nodes] == [tuple(node.input) for node in before.graph.node]
    assert graph.initializers == {tensor.name for tensor in before.graph.initializer}
