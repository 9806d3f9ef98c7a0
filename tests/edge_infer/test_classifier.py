import io
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer import Classifier, FailedInput, InputError, Prediction, engine
from edge_infer.errors import (
    ImageDecodeError,
    ImageNotFoundError,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelOutputError,
    NoImagesError,
    ProviderError,
    UnsupportedImageError,
)
from edge_infer.faces.detector import FaceDetector
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.model_file.registry import MODELS_DIR
from edge_infer.pictures.loading import load_input
from edge_infer.runtime.session import Session
from tests.conftest import drawn
from tests.edge_infer.conftest import WriteModel, expected_scores
from tests.support.tiny_model import COLOURS, METADATA, write_tiny_model


@pytest.fixture(scope="module")
def classifier(tiny_model_path: Path) -> Classifier:
    return Classifier(tiny_model_path, threads=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for seed, (name, colour) in enumerate(COLOURS.items()):
        drawn(colour, seed=seed).save(folder / f"{name}.png")
        paths.append(str(folder / f"{name}.png"))
    return paths


@pytest.mark.parametrize("colour", COLOURS)
def test_a_picture_of_a_colour_is_named_so(classifier: Classifier, colour: str) -> None:
    prediction = classifier.classify(drawn(COLOURS[colour]))
    assert prediction.label == colour
    assert (prediction.task, prediction.model, prediction.min_score) == ("colours", "colours", METADATA.min_score)


def test_scores_are_the_networks_probabilities(classifier: Classifier) -> None:
    prediction = classifier.classify(np.full((32, 32, 3), (160, 60, 60), np.uint8))
    expected = expected_scores((160, 60, 60))
    assert {pair.label: pair.score for pair in prediction.scores} == pytest.approx(expected, abs=1e-5)
    assert [pair.label for pair in prediction.scores] == sorted(expected, key=expected.get, reverse=True)
    assert sum(pair.score for pair in prediction.scores) == pytest.approx(1, abs=1e-4)


def test_scores_are_plain_unrounded_floats(classifier: Classifier) -> None:
    prediction = classifier.classify(np.full((8, 8, 3), 100, np.uint8))
    assert type(prediction.score) is float
    assert prediction.score != round(prediction.score, 6)


@pytest.mark.parametrize(
    "kind", [str, Path, lambda p: Path(p).read_bytes(), lambda p: io.BytesIO(Path(p).read_bytes())]
)
def test_every_source_kind_gives_the_same_scores(classifier: Classifier, pictures: list[str], kind: object) -> None:
    assert classifier.classify(kind(pictures[3])).scores == classifier.classify(Image.open(pictures[3])).scores


def test_paths_and_named_files_are_named_in_the_answer(classifier: Classifier, pictures: list[str]) -> None:
    assert classifier.classify(pictures[0]).source == pictures[0]
    assert classifier.classify(Path(pictures[0])).source == pictures[0]
    with Path(pictures[0]).open("rb") as stream:
        assert classifier.classify(stream).source == pictures[0]


def test_pictures_without_a_name_have_none(classifier: Classifier, pictures: list[str]) -> None:
    data = Path(pictures[0]).read_bytes()
    array = np.zeros((4, 4, 3), np.uint8)
    sources = [data, io.BytesIO(data), array, Image.fromarray(array)]
    assert [result.source for result in classifier.classify_many(sources)] == [None] * 4


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("missing.jpg", ImageNotFoundError),
        (b"", ImageDecodeError),
        (np.zeros((4, 4), np.uint8), UnsupportedImageError),
        (3, UnsupportedImageError),
    ],
)
def test_one_bad_input_raises_its_typed_error(classifier: Classifier, source: object, error: type[InputError]) -> None:
    with pytest.raises(error):
        classifier.classify(source)
    (failed,) = classifier.classify_many([source])
    assert isinstance(failed, FailedInput)
    assert type(failed.error) is error
    assert failed.source == (source if isinstance(source, str) else None)


# Many


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8, 100])
def test_batches_answer_as_single_pictures_do(classifier: Classifier, pictures: list[str], batch_size: int) -> None:
    results = list(classifier.classify_many(pictures, batch_size=batch_size))
    assert [result.label for result in results] == list(COLOURS)
    for path, result in zip(pictures, results, strict=True):
        single = classifier.classify(path)
        assert result.source == path
        assert [pair.label for pair in result.scores] == [pair.label for pair in single.scores]
        assert [pair.score for pair in result.scores] == pytest.approx([p.score for p in single.scores], abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 50])
def test_failures_keep_their_place(classifier: Classifier, pictures: list[str], batch_size: int) -> None:
    passed_on = FailedInput("folder", NoImagesError("folder holds no pictures"))
    sources = ["gone.jpg", pictures[1], passed_on, b"junk", pictures[8], pictures[9], "gone2.jpg"]
    results = list(classifier.classify_many(sources, batch_size=batch_size))
    shown = [result.label if isinstance(result, Prediction) else type(result.error).__name__ for result in results]
    assert shown == [
        "ImageNotFoundError", "blue", "NoImagesError", "ImageDecodeError", "red", "white", "ImageNotFoundError"
    ]  # fmt: skip
    assert results[2] is passed_on
    assert [results[0].source, results[3].source, results[6].source] == ["gone.jpg", None, "gone2.jpg"]


def test_nothing_in_nothing_out(classifier: Classifier) -> None:
    assert list(classifier.classify_many([])) == []


def test_only_failures_need_no_inference(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "run", None)
    assert [result.source for result in classifier.classify_many(["a.jpg", "b.jpg"])] == ["a.jpg", "b.jpg"]


def test_sources_are_taken_one_batch_at_a_time(classifier: Classifier, pictures: list[str]) -> None:
    taken = []

    def sources() -> Iterator[str]:
        for path in pictures[:7]:
            taken.append(path)
            yield path

    seen = [len(taken) for _ in classifier.classify_many(sources(), batch_size=3)]
    assert seen == [3, 3, 3, 6, 6, 6, 7]


def test_an_endless_source_is_fine(classifier: Classifier) -> None:
    def camera() -> Iterator[np.ndarray]:
        while True:
            yield np.zeros((8, 8, 3), np.uint8)

    results = classifier.classify_many(camera(), batch_size=2)
    assert [next(results).label for _ in range(5)] == ["black"] * 5


def test_an_error_of_the_source_itself_is_not_hidden(classifier: Classifier, pictures: list[str]) -> None:
    def sources() -> Iterator[str]:
        yield pictures[0]
        raise KeyError("database")

    results = classifier.classify_many(sources(), batch_size=1)
    assert next(results).label == "black"
    with pytest.raises(KeyError, match="database"):
        next(results)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("workers", [2, 5])
def test_workers_answer_as_one_does(tiny_model_path: Path, pictures: list[str], threads: int, workers: int) -> None:
    classifier = Classifier(tiny_model_path, threads=threads)
    sources = [*pictures, "gone.jpg", *pictures] * 3
    one, several = (list(classifier.classify_many(sources, batch_size=3, workers=n)) for n in (1, workers))
    assert [result.source for result in several] == sources
    assert [isinstance(result, FailedInput) for result in several] == [source == "gone.jpg" for source in sources]
    for a, b in zip(one, several, strict=True):
        assert type(a) is type(b)
        if isinstance(a, Prediction):
            assert b.label == a.label
            assert b.score == pytest.approx(a.score, abs=1e-6)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads of every session that is built."""
    threads: list[int] = []
    monkeypatch.setattr(
        engine, "Session", lambda *a, **options: threads.append(options["threads"]) or Session(*a, **options)
    )
    return threads


def test_a_classifier_of_several_threads_works_on_as_many_batches(
    tiny_model_path: Path, pictures: list[str], loaded: list[int]
) -> None:
    classifier = Classifier(tiny_model_path, threads=2)
    for _ in range(2):
        assert [result.label for result in classifier.classify_many(pictures)] == list(COLOURS)
    assert loaded == [2, 1]  # the copy for one thread is made once
    list(classifier.classify_many(pictures, workers=1))
    assert loaded == [2, 1]


@pytest.mark.parametrize(("count", "quick_start", "threads"), [(4, False, [2]), (5, False, [2, 1]), (5, True, [1])])
def test_the_way_is_picked_by_the_number_of_pictures(
    tiny_model_path: Path, pictures: list[str], loaded: list[int], count: int, quick_start: bool, threads: list[int]
) -> None:
    classifier = Classifier(tiny_model_path, threads=2, quick_start=quick_start)
    results = classifier.classify_many(pictures[:count])
    assert [result.label for result in results] == list(COLOURS)[:count]
    assert loaded == threads


def test_pictures_that_cannot_be_counted_are_taken_for_many(
    tiny_model_path: Path, pictures: list[str], loaded: list[int]
) -> None:
    classifier = Classifier(tiny_model_path, threads=2, quick_start=True)
    assert [result.label for result in classifier.classify_many(iter(pictures[:1]))] == ["black"]
    assert loaded == [1]


def test_one_picture_needs_one_session(tiny_model_path: Path, pictures: list[str], loaded: list[int]) -> None:
    classifier = Classifier(tiny_model_path, threads=2, quick_start=True)
    assert loaded == []
    assert [classifier.classify(path).label for path in pictures[:2]] == list(COLOURS)[:2]
    assert loaded == [2]


def test_several_workers_take_a_bounded_number_of_batches_ahead(tiny_model_path: Path, pictures: list[str]) -> None:
    taken = []

    def sources() -> Iterator[str]:
        for number in range(200):
            taken.append(number)
            yield pictures[number % len(pictures)]

    classifier = Classifier(tiny_model_path, threads=1)
    ahead = [len(taken) - n for n, _ in enumerate(classifier.classify_many(sources(), batch_size=2, workers=3))]
    assert len(ahead) == 200
    assert max(ahead) <= 2 * 2 * 3


def test_a_picture_of_the_models_size_is_not_copied() -> None:
    spec = METADATA.input
    picture = np.zeros((spec.height, spec.width, 3), np.uint8)
    assert load_input(picture, spec) is picture
    assert load_input(picture[:, ::-1], spec).flags.c_contiguous
    with pytest.raises(UnsupportedImageError, match="not float32"):
        load_input(picture.astype(np.float32), spec)
    with pytest.raises(ImageTooLargeError):
        load_input(picture, spec, max_pixels=1000)


@pytest.mark.parametrize("workers", [0, -1])
def test_a_worker_is_needed(classifier: Classifier, workers: int) -> None:
    with pytest.raises(ValueError, match=f"workers must be at least 1, got {workers}"):
        classifier.classify_many([], workers=workers)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_needs_a_picture(classifier: Classifier, batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {batch_size}"):
        list(classifier.classify_many([], batch_size=batch_size))


def test_a_damaged_answer_is_not_an_input_error(write_model: WriteModel, pictures: list[str]) -> None:
    def poison(model: ModelProto) -> None:
        kernel = model.graph.initializer[0]
        kernel.raw_data = np.full(33, np.nan, np.float32).tobytes()

    poisoned = Classifier(write_model(poison))
    with pytest.raises(ModelOutputError, match="not a probability distribution"):
        poisoned.classify(pictures[0])
    with pytest.raises(ModelOutputError, match="not a probability distribution"):
        list(poisoned.classify_many(pictures))


def test_threads_share_a_classifier(tiny_model_path: Path, pictures: list[str]) -> None:
    shared = Classifier(tiny_model_path, threads=2)
    many = pictures * 5
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.classify, many)) == [shared.classify(path) for path in many]


# In other processes


@pytest.mark.parametrize("options", [{}, {"min_score": 0.99, "threads": 1, "quick_start": True, "max_pixels": 3200}])
def test_a_pickled_classifier_answers_alike(
    tiny_model_path: Path, pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.chdir(tiny_model_path.parent)
    classifier = Classifier(tiny_model_path.name, **options)
    pickled = pickle.dumps(classifier)
    assert len(pickled) < 1000  # the model file is named, not copied
    monkeypatch.chdir(tmp_path)
    large = np.zeros((60, 60, 3), np.uint8)
    copied, original = (list(c.classify_many([*pictures, large])) for c in (pickle.loads(pickled), classifier))
    assert copied[:-1] == original[:-1]
    assert [type(results[-1]) for results in (copied, original)] == [FailedInput if options else Prediction] * 2


def test_a_classifier_turns_pictures_and_so_does_its_copy(tmp_path: Path) -> None:
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    skin = write_tiny_model(tmp_path / "skin.onnx", name="skin", task="skin", input=spec)
    upright = picture_with_faces((320, 240), [(60, 60, 110)])
    left = upright.rotate(90, expand=True)  # against the clock
    wanted = Classifier(skin).classify(upright)
    turned = Classifier(skin, rotate=90)
    copied = pickle.loads(pickle.dumps(turned))
    assert len(wanted.faces) == 1
    assert Classifier(skin).classify(left) != wanted
    assert [turned.classify(left), copied.classify(left)] == [wanted] * 2
    assert [(answer.label, answer.faces[0].box) for answer in turned.classify_many([left] * 9)] == [
        (wanted.label, wanted.faces[0].box)
    ] * 9
    with pytest.raises(ValueError, match="a picture is turned by 0, 90, 180, 270 degrees, not 45"):
        Classifier(skin, rotate=45)


def test_a_bundled_model_is_pickled_by_its_name() -> None:
    classifier = pickle.loads(pickle.dumps(Classifier("gems")))
    assert classifier.metadata.name == "gems"
    assert str(MODELS_DIR).encode() not in pickle.dumps(classifier)


def test_a_spawned_process_answers_alike(tiny_model_path: Path, pictures: list[str]) -> None:
    classifier = Classifier(tiny_model_path, threads=1)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(classifier.classify, pictures) == [classifier.classify(path) for path in pictures]


# Construction


@pytest.mark.parametrize("threads", [0, -1, 1025, 1_000_000])
def test_so_many_threads_cannot_be_meant(tiny_model_path: Path, threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads must be from 1 to 1024, got {threads}"):
        Classifier(tiny_model_path, threads=threads)
    with pytest.raises(ValueError, match=f"threads must be from 1 to 1024, got {threads}"):
        FaceDetector(threads=threads)


@pytest.mark.parametrize("name", ["max_pixels", "max_bytes"])
def test_a_limit_that_nothing_keeps_is_refused(tiny_model_path: Path, name: str) -> None:
    for made in (partial(Classifier, tiny_model_path), FaceDetector):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            made(**{name: 0})


@pytest.mark.parametrize("name", ["threads", "max_pixels", "max_bytes"])
@pytest.mark.parametrize("value", ["2", 1.5])
def test_what_is_no_whole_number_is_told_by_name(tiny_model_path: Path, name: str, value: object) -> None:
    for made in (partial(Classifier, tiny_model_path), FaceDetector):
        with pytest.raises(TypeError, match=f"{name} must be a whole number, got {value!r}"):
            made(**{name: value})


@pytest.mark.parametrize("min_score", [-0.01, 1.01, float("nan"), float("inf")])
def test_min_score_must_be_a_probability(tiny_model_path: Path, min_score: float) -> None:
    with pytest.raises(ValueError, match="min_score must be in 0-1"):
        Classifier(tiny_model_path, min_score=min_score)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with an output `known`: how much of a picture is neither black, grey nor white."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "knowing.onnx", min_known=0.6)


def test_a_picture_of_no_class_is_never_certain(knowing: Path) -> None:
    red, grey = Classifier(knowing).classify_many([drawn(COLOURS["red"]), drawn(COLOURS["grey"])])
    assert (red.label, red.known, red.min_known) == ("red", pytest.approx(1, abs=0.01), 0.6)
    assert (red.is_known, red.is_certain) == (True, True)
    assert (grey.label, grey.known) == ("grey", pytest.approx(0, abs=0.01))
    assert (grey.score > grey.min_score, grey.is_known, grey.is_certain) == (True, False, False)


@pytest.mark.parametrize(
    ("min_known", "used", "is_known"), [(None, 0.6, False), (0.0, 0.0, True), (0.4, 0.4, True), (1.0, 1.0, False)]
)
def test_min_known_is_the_argument_or_the_models(
    knowing: Path, min_known: float | None, used: float, is_known: bool
) -> None:
    half = np.full((32, 32, 3), COLOURS["red"], np.uint8)
    half[:16] = COLOURS["grey"]
    prediction = Classifier(knowing, min_known=min_known).classify(half)
    assert prediction.known == pytest.approx(0.5, abs=0.01)
    assert (prediction.min_known, prediction.is_known) == (used, is_known)


def test_every_face_has_a_known(tmp_path: Path) -> None:
    spec = InputSpec(32, 32, face=FaceCrop(0.0, upright=False))
    path = write_tiny_model(tmp_path / "faces.onnx", input=spec, min_known=0.6)
    answer = Classifier(path).classify(picture_with_faces((320, 240), [(80, 60, 100)]))
    assert [(face.known, face.min_known) for face in answer.faces] == [(answer.known, 0.6)]
    assert 0 < answer.known < 1


def test_a_model_without_known_says_nothing(classifier: Classifier, tiny_model_path: Path) -> None:
    prediction = classifier.classify(drawn(COLOURS["grey"]))
    assert (prediction.known, prediction.min_known, prediction.is_certain) == (None, None, True)
    with pytest.raises(ValueError, match="'colours' cannot say that a picture shows none of its classes, so min_known"):
        Classifier(tiny_model_path, min_known=0.5)


@pytest.mark.parametrize("min_known", [-0.01, 1.01, float("nan"), float("inf")])
def test_min_known_must_be_a_probability(knowing: Path, min_known: float) -> None:
    with pytest.raises(ValueError, match="min_known must be in 0-1"):
        Classifier(knowing, min_known=min_known)


def test_a_pickled_classifier_keeps_its_min_known(knowing: Path) -> None:
    copy = pickle.loads(pickle.dumps(Classifier(knowing, min_known=0.25)))
    assert copy.classify(drawn(COLOURS["red"])).min_known == 0.25


@pytest.mark.parametrize(("min_score", "used"), [(None, METADATA.min_score), (0.0, 0.0), (1.0, 1.0), (0.25, 0.25)])
def test_min_score_is_the_argument_or_the_models(tiny_model_path: Path, min_score: float | None, used: float) -> None:
    prediction = Classifier(tiny_model_path, min_score=min_score).classify(np.full((8, 8, 3), 128, np.uint8))
    assert prediction.min_score == used


def test_max_pixels_is_the_classifiers(tiny_model_path: Path) -> None:
    small = Classifier(tiny_model_path, max_pixels=100)
    assert small.classify(np.zeros((10, 10, 3), np.uint8)).label == "black"
    with pytest.raises(ImageTooLargeError, match="11x10 pixels, more than the limit of 100"):
        small.classify(np.zeros((10, 11, 3), np.uint8))


def test_a_classifier_tells_its_metadata(classifier: Classifier) -> None:
    assert classifier.metadata == METADATA
    assert classifier.labels == tuple(COLOURS)


def test_model_and_provider_errors_come_from_the_constructor(tiny_model_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        Classifier("no-such-model")
    with pytest.raises(ProviderError):
        Classifier(tiny_model_path, provider="abacus")


def test_real_photos_are_read(classifier: Classifier, real_data: Path) -> None:
    photos = sorted((real_data / "gems" / "test").rglob("*.jp*g"))
    results = list(classifier.classify_many(photos))
    assert len(results) >= 40
    assert [result.source for result in results] == [str(photo) for photo in photos]
    assert all(isinstance(result, Prediction) for result in results)


def test_a_quick_start_gives_the_same_answer(tiny_model_path: Path) -> None:
    picture = drawn((40, 60, 200))
    usual, quick = (Classifier(tiny_model_path, quick_start=flag).classify(picture) for flag in (False, True))
    assert quick.label == usual.label == "blue"
    assert quick.score == pytest.approx(usual.score, abs=1e-6)
