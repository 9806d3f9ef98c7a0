"""The whole line, photos to run folder, on a small recipe of each kind."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.train.conftest import write_photos
from train.data.dataset import Dataset
from train.data.photos import find_photos
from train.data.splits import load_split
from train.errors import DataError, RunFolderError
from train.files import read_json
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.finetune import fine_tune, last_blocks_of
from train.networks.network import build_network, forward
from train.networks.vgg16 import build_base
from train.pipeline import answer, train
from train.recipes import FineTune, KnownHead, Recipe
from train.runs.finished import load_run
from train.runs.folder import RunFolder
from train.slim.answers import answering_folds, answers
from train.slim.distillation import Distillation
from train.slim.original import fold_base, frozen_base
from train.slim.pipeline import pictures_to_learn_from
from train.slim.teaching import teach
from train.views.features import load_batch

FILES = [
    "confusion_test.png",
    "confusion_validation.png",
    "curves.png",
    "data.json",
    "examples.png",
    "history.json",
    "metrics.json",
    "network.weights.h5",
    "recipe.json",
    "report.md",
    "split.json",
]


@dataclass(frozen=True)
class Finished:
    """A finished run and how to do it again."""

    recipe: Recipe
    data: Path
    weights: str
    folder: Path
    metrics: dict[str, Any]

    def again(self, folder: Path, *, resume: bool = False, data: Path | None = None) -> dict[str, Any]:
        """Train into another folder, with a cold cache beside it."""
        run = RunFolder.begin(folder, self.recipe, resume=resume)
        return train(self.recipe, Dataset(data or self.data), run, weights=self.weights, cache=folder.parent / "cache")


@pytest.fixture(scope="module", params=["cached_recipe", "published_recipe"])
def finished(
    request: pytest.FixtureRequest, random_weights: str, one_repeat: None, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    recipe = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp(recipe.name)
    data = write_photos(folder / "photos", count=8)
    first = Finished(recipe, data, random_weights, folder / "run", {})
    return replace(first, metrics=first.again(folder / "run"))


def test_a_run_folder_is_complete(finished: Finished):
    assert sorted(path.name for path in finished.folder.iterdir()) == FILES
    noted = read_json(finished.folder / "data.json")
    assert (noted["data"], noted["test"], len(noted["base_weights"])) == (str(finished.data), None, 64)


def test_metrics_agree_with_each_other_and_with_the_photos(finished: Finished):
    metrics = read_json(finished.folder / "metrics.json")
    assert metrics["recipe"] == finished.recipe.name
    assert metrics["labels"] == ["blue", "green", "red"]
    assert metrics["class_counts"] == {"blue": 8, "green": 8, "red": 8}
    split = load_split(finished.folder / "split.json", find_photos(finished.data))
    assert metrics["split"] == {"digest": split.digest, "train": 18, "validation": 3, "test": 3, "excluded": 0}
    for part in ("validation", "test"):
        assert metrics[part]["photos"] == 3
        assert np.trace(metrics[part]["confusion"]) == metrics[part]["right"]
        assert np.sum(metrics[part]["confusion"], axis=1).tolist() == [1, 1, 1]
        assert metrics[part]["accuracy"] == metrics[part]["right"] / 3
        assert 0 <= metrics[part]["accuracy_95"][0] < metrics[part]["accuracy_95"][1] <= 1
    assert 0.25 <= metrics["calibration"]["temperature"] <= 4
    assert metrics["fine_tune"] is None


def test_colours_are_learned(finished: Finished):
    """Photos of three plain colours: a logistic regression that misses one is wired wrongly."""
    baseline = finished.metrics["logistic_regression"]
    assert baseline["test"] == baseline["validation"] == {"right": 3, "photos": 3}
    assert baseline["kfold"]["mean_accuracy"] == 1.0
    assert (baseline["kfold"]["repeats"], baseline["kfold"]["folds"]) == (1, 5)
    if finished.metrics["kfold"] is not None:
        assert finished.metrics["kfold"]["mean_accuracy"] == 1.0
        assert finished.metrics["test"]["right"] == 3
    else:
        assert len(read_json(finished.folder / "history.json")["loss"]) == 2


def test_the_saved_network_gives_the_measured_answers(finished: Finished):
    network = build_network(finished.recipe, num_classes=3, weights=None)
    network.load_weights(finished.folder / "network.weights.h5")
    photos = find_photos(finished.data)
    tested = load_split(finished.folder / "split.json", photos).photos(photos, "test")
    answers = forward(network)(load_batch(tested, finished.recipe)).argmax(axis=1)
    assert (
        sum(photo.label == finished.metrics["labels"][i] for photo, i in zip(tested, answers, strict=True))
        == (finished.metrics["test"]["right"])
    )
    assert finished.metrics["parameters"] == network.count_params()


def test_two_runs_give_the_same_numbers(finished: Finished, tmp_path: Path):
    keras.utils.set_random_seed(12345)  # whatever the process did before does not matter
    finished.again(tmp_path / "run")
    for name in ("metrics.json", "history.json", "split.json", "report.md"):
        assert (tmp_path / "run" / name).read_text() == (finished.folder / name).read_text()


def test_resuming_a_finished_run_changes_nothing(finished: Finished, monkeypatch: pytest.MonkeyPatch):
    before = {path.name: path.read_bytes() for path in finished.folder.iterdir()}
    monkeypatch.setattr("train.pipeline.build_network", None)  # calling it would fail
    assert finished.again(finished.folder, resume=True) == read_json(finished.folder / "metrics.json")
    assert {path.name: path.read_bytes() for path in finished.folder.iterdir()} == before


STEPS = {
    "cached_recipe": ["train_network", "write_report"],
    "published_recipe": ["RunFolder.write_weights", "write_report"],
}


@pytest.mark.parametrize("number", [0, 1], ids=["before the weights are kept", "before the report"])
def test_an_interrupted_run_is_finished_by_resuming(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    step = STEPS["cached_recipe" if finished.recipe.fine_tune else "published_recipe"][number]

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(f"train.pipeline.{step}", stop)
        with pytest.raises(KeyboardInterrupt):
            finished.again(tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()
    finished.again(tmp_path / "run", resume=True)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == FILES
    for name in ("metrics.json", "history.json"):
        assert (tmp_path / "run" / name).read_text() == (finished.folder / name).read_text()


def test_other_photos_or_settings_do_not_resume_a_run(finished: Finished, tmp_path: Path):
    kept = (finished.folder / "data.json").read_text()
    other = write_photos(tmp_path / "photos", count=8, seed=70)
    with pytest.raises(DataError, match=r"not those of .*split\.json: 24 are new and 24 are missing"):
        finished.again(finished.folder, resume=True, data=other)
    assert (finished.folder / "data.json").read_text() == kept
    with pytest.raises(RunFolderError, match="started with other settings"):
        replace(finished, recipe=replace(finished.recipe, seed=9)).again(finished.folder, resume=True)


def test_photos_from_elsewhere_are_learned_from_and_measured_by_source(
    cached_recipe: Recipe, random_weights: str, tmp_path: Path, one_repeat: None
):
    data = write_photos(tmp_path / "photos", count=6, labels=("red", "blue"))
    more = write_photos(tmp_path / "more", count=6, labels=("red", "blue"), seed=50)
    rows = [
        f"{label}/{label}_{n}.png,site-{n % 3},{'rough' if n < 3 else 'cut'}"
        for label in ("red", "blue")
        for n in range(6)
    ]
    (more / "sources.csv").write_text("\n".join(["file,repo,kind", *rows]) + "\n")
    run = RunFolder.begin(tmp_path / "run", cached_recipe)
    dataset = Dataset(data, more=[more])
    metrics = train(cached_recipe, dataset, run, weights=random_weights, cache=tmp_path / "cache")
    elsewhere = metrics["elsewhere"]
    assert (elsewhere["photos"], elsewhere["sources"]) == (12, 3)
    assert elsewhere["accuracy"] >= 0.75
    assert elsewhere["accuracy_95"][0] <= elsewhere["accuracy"] <= elsewhere["accuracy_95"][1]
    assert {kind: row["photos"] for kind, row in elsewhere["by_kind"].items()} == {"cut": 6, "rough": 6}
    by_class = elsewhere["by_class"]
    assert np.mean([by_class[label]["accuracy"] for label in ("blue", "red")]) == pytest.approx(elsewhere["accuracy"])
    assert metrics["class_counts"] == {"blue": 6, "red": 6}
    assert run.report().splitlines()[2] == "## Photos from elsewhere"
    assert read_json(run.path / "data.json")["more"] == [str(more)]
    with pytest.raises(RunFolderError, match="was started with another --more or --others"):
        train(cached_recipe, Dataset(data), run, weights=random_weights, cache=tmp_path / "cache")


@pytest.mark.parametrize("with_strangers", [True, False], ids=["strangers", "no strangers"])
def test_what_is_known_is_learned_and_measured(
    cached_recipe: Recipe,
    random_weights: str,
    tmp_path: Path,
    one_repeat: None,
    with_strangers: bool,
    capsys: pytest.CaptureFixture[str],
):
    known = KnownHead(inverse_l2=0.1, stranger_views=1, kept=0.75)
    head = replace(cached_recipe.head, pooling="energy", balance=0.5, known=known)
    recipe = replace(cached_recipe, head=head)
    data = write_photos(tmp_path / "photos", count=6, labels=("red", "blue"))
    others = []
    if with_strangers:
        others = [write_photos(tmp_path / "others", count=3, labels=("a", "b", "c", "d", "e", "f"), seed=80)]
    dataset, run = Dataset(data, others=others), RunFolder.begin(tmp_path / "run", recipe)
    metrics = train(recipe, dataset, run, weights=random_weights, cache=tmp_path / "cache")
    passes = "42 views: 1.4" if with_strangers else "24 views: 2.0"
    assert f"Features of {passes} passes of the network over all photos" in capsys.readouterr().err
    assert metrics["elsewhere"] is None
    assert 0 < metrics["calibration"]["min_known"] < 1
    assert 0 <= metrics["test"]["right_of_certain"] <= metrics["test"]["certain"] <= 2
    if with_strangers:
        assert (metrics["strangers"]["pictures"], metrics["strangers"]["kinds"]) == (18, 6)
        assert metrics["strangers"]["certain"] <= 0.5
        assert list(metrics["strangers"]["by_part"]) == ["others"]
        assert "## Pictures of none of the classes" in run.report()
    else:
        assert metrics["strangers"] is None

    finished = load_run(tmp_path / "run")
    answers = answer(finished.network, load_batch(dataset.photos, recipe))
    certain = answers.known >= metrics["calibration"]["min_known"]
    assert certain.mean() >= 0.5
    if with_strangers:
        strange = answer(finished.network, load_batch([s.photo for s in dataset.strangers.photos], recipe))
        assert strange.known.mean() < answers.known.mean() - 0.3


def test_fine_tuning_that_does_not_help_is_not_used(
    cached_recipe: Recipe, random_weights: str, tmp_path: Path, one_repeat: None, eager_fits: None
):
    gentle = replace(cached_recipe.fine_tune, mode="auto", learning_rate=1e-6, epochs=1, blocks=1)
    recipe = replace(cached_recipe, fine_tune=gentle)
    data = write_photos(tmp_path / "photos", count=5, labels=("red", "blue"))
    run = RunFolder.begin(tmp_path / "run", recipe)
    metrics = train(recipe, Dataset(data), run, weights=random_weights, cache=tmp_path / "cache")
    # Both are always right on plain colours.
    assert metrics["fine_tune"] == {"kfold_without": 1.0, "kfold_with": 1.0, "photos": 8, "used": False}
    assert sorted(path.name for path in run.path.iterdir()) == FILES
    base = load_run(run.path).network.get_layer("vgg16")
    frozen = build_base(recipe, random_weights)
    assert all(np.array_equal(*pair) for pair in zip(base.get_weights(), frozen.get_weights(), strict=True))


@dataclass(frozen=True)
class Tuning:
    """A small recipe that fine-tunes two blocks and says what is known, and its photos."""

    recipe: Recipe
    dataset: Dataset
    weights: str
    cache: Path

    def into(self, folder: Path, *, resume: bool = False) -> dict[str, Any]:
        """Train into a folder."""
        run = RunFolder.begin(folder, self.recipe, resume=resume)
        return train(self.recipe, self.dataset, run, weights=self.weights, cache=self.cache)


@pytest.fixture(scope="module")
def tuning(
    cached_recipe: Recipe, random_weights: str, tmp_path_factory: pytest.TempPathFactory, one_repeat: None
) -> Tuning:
    folder = tmp_path_factory.mktemp("tuning")
    known = KnownHead(inverse_l2=0.1, stranger_views=1, kept=0.75)
    head = replace(cached_recipe.head, pooling="energy", balance=0.5, known=known)
    always = FineTune(mode="always", learning_rate=1e-5, batch_size=8, epochs=1, blocks=2)
    data = write_photos(folder / "photos", count=5, labels=("red", "blue"))
    others = write_photos(folder / "others", count=1, labels=("a", "b", "c", "d", "e", "f"), seed=80)
    return Tuning(
        *(replace(cached_recipe, head=head, fine_tune=always), Dataset(data, others=[others])),
        *(random_weights, folder / "cache"),
    )


@pytest.fixture(scope="module")
def tuned_run(tuning: Tuning, tmp_path_factory: pytest.TempPathFactory, eager_fits: None) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    tuning.into(folder)
    return folder


def test_fine_tuned_blocks_end_in_the_network_with_heads_fitted_on_them(tuned_run: Path, tuning: Tuning):
    run = load_run(tuned_run)
    assert (run.metrics["fine_tune"]["used"], run.metrics["fine_tune"]["photos"]) == (True, 8)
    assert run.metrics["kfold"]["mean_accuracy"] == run.metrics["fine_tune"]["kfold_with"] == 1.0
    assert run.metrics["strangers"]["pictures"] == 6
    kept = sorted(path.name for path in tuned_run.glob("*.weights.h5"))
    assert kept == [*(f"fold-{n}.weights.h5" for n in range(FOLDS)), "frozen.weights.h5", "network.weights.h5"]

    frozen = build_base(run.recipe, tuning.weights)
    blocks = last_blocks_of(frozen, run.recipe)
    blocks.network.load_weights(run.folder.frozen_weights)
    tuned = run.network.get_layer("vgg16")
    for layer in (layer for layer in frozen.layers if layer.weights):
        is_tuned = layer.name in blocks.convolutions
        assert is_tuned is layer.name.startswith(("block4_conv", "block5_conv"))
        for before, after in zip(layer.get_weights(), tuned.get_layer(layer.name).get_weights(), strict=True):
            assert np.array_equal(before, after) is not is_tuned
        if is_tuned:
            kept_weights = blocks.network.get_layer(layer.name).get_weights()
            assert all(np.array_equal(*pair) for pair in zip(kept_weights, layer.get_weights(), strict=True))

    photos = run.data(run.folder.dataset()).photos
    answers = answer(run.network, load_batch(photos, run.recipe))
    targets = [run.labels.index(photo.label) for photo in photos]
    assert (answers.logits.argmax(axis=1) == targets).mean() >= 0.9
    assert (answers.known >= run.metrics["calibration"]["min_known"]).mean() >= 0.5


def test_a_run_that_was_interrupted_between_folds_goes_on_with_the_next(
    tuned_run: Path, tuning: Tuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eager_fits: None
):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("recipe.json", "data.json", "split.json", "fold-0.weights.h5", "fold-1.weights.h5"):
        shutil.copy(tuned_run / name, folder)
    tuned = []

    def count(*arguments: Any) -> None:
        tuned.append(arguments)
        fine_tune(*arguments)

    monkeypatch.setattr("train.fitting.pooled.fine_tune", count)
    tuning.into(folder, resume=True)
    assert len(tuned) == FOLDS - 2 + 1  # and once on all training photos
    assert read_json(folder / "metrics.json") == read_json(tuned_run / "metrics.json")


def test_a_slim_network_learns_answers_to_each_photo_from_a_network_that_never_saw_its_label(
    tuned_run: Path, tuning: Tuning, tmp_path: Path
):
    run = load_run(tuned_run)
    data = run.data(run.folder.dataset())
    pictures = pictures_to_learn_from(data)
    frozen = build_base(run.recipe, tuning.weights)
    kept = frozen_base(run)
    assert all(np.array_equal(*pair) for pair in zip(kept.get_weights(), frozen.get_weights(), strict=True))

    teaching = teach(kept, pictures, run.recipe, Distillation(views=2, epochs=1), tuning.cache)
    by = answering_folds(data, teaching, run.recipe.seed)
    folds = photo_folds(data.targets, data.groups, data.elsewhere, run.recipe.seed)
    fold_of = {photo.sha256: int(number) for photo, number in zip(data.photos, folds, strict=True)}
    is_own = np.array([photo.sha256 in fold_of for photo in pictures])
    assert [fold_of[photo.sha256] for photo in pictures if photo.sha256 in fold_of] == by[is_own].tolist()
    assert len(np.unique(by[~is_own])) >= 2  # strangers are divided

    found = answers(run, teaching, by, tuning.cache)
    assert found.shape == (2, len(pictures), 2)
    labels = np.array([run.labels.index(photo.label) for photo in pictures if photo.sha256 in fold_of])
    assert (found[0, is_own].argmax(axis=1) == labels).mean() >= 0.9  # as in k-fold
    blocks = last_blocks_of(frozen, run.recipe)
    blocks.network.load_weights(run.folder.fold_weights(3))
    expected = blocks.network.get_layer("block5_conv3").get_weights()
    actual = fold_base(run, 3).get_layer("block5_conv3").get_weights()
    assert all(np.array_equal(*pair) for pair in zip(actual, expected, strict=True))
    alone = answers(run, teaching, np.full(len(pictures), 3), tuning.cache)
    assert np.allclose(alone[:, by == 3], found[:, by == 3], atol=1e-4)
    assert np.abs(alone[:, by != 3] - found[:, by != 3]).max() > 0.01

    damaged = tmp_path / "damaged"
    shutil.copytree(tuned_run, damaged)
    run = load_run(damaged)
    run.folder.fold_head(1).write_bytes(b"PK")
    with pytest.raises(RunFolderError, match=r"fold-1\.head\.npz does not hold the head of a fold: train .* again"):
        answers(run, teaching, by, tuning.cache)
    run.folder.fold_weights(0).unlink()
    with pytest.raises(RunFolderError, match=r"fold-0\.weights\.h5 does not hold the blocks of a fold: train .* again"):
        answers(run, teaching, by, tuning.cache)
