"""Slimming whole runs: heads that read the maps, bfloat16, interruptions, goals; from-photos has its own test file."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.conftest import drawn
from tests.export.conftest import export_run
from tests.support.small_runs import coarsely
from train.errors import GoalError, RunFolderError
from train.files import read_json, write_json
from train.recipes import Recipe
from train.runs.finished import load_run
from train.runs.slim_folder import SlimFolder
from train.slim.distillation import Distillation
from train.slim.goal import Goal
from train.slim.pipeline import slim

SETTINGS = Distillation(views=2, epochs=2, learning_rate=1e-6)  # random weights bear no larger steps


def slim_run(
    run: Path, out: Path, goal: Goal, cache: Path, *, unlabelled: tuple[str, ...] = (), **options: bool
) -> dict[str, Any]:
    """Slim a run folder, as the command does."""
    original = load_run(run)
    dataset = original.folder.dataset(unlabelled=unlabelled)
    options = {"resume": False, "mixed_precision": False, **options}
    return slim(original, dataset, SlimFolder(out), goal, settings=SETTINGS, cache=cache, **options)


@pytest.fixture(scope="module", autouse=True)
def short_rounds() -> Iterator[None]:
    """Slim coarsely; the pictures are three rounds."""
    with coarsely():
        yield


def test_a_dense_head_keeps_its_maps_and_its_weights(dense_run: Path, tmp_path: Path):
    slim_run(dense_run, tmp_path / "run", Goal(width=0.5), tmp_path / "cache")
    slim, full = load_run(tmp_path / "run"), load_run(dense_run)
    assert slim.recipe.widths == (32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 512)
    for name in ("hidden_1", "hidden_2", "logits"):
        weights = (network.get_layer(name).get_weights() for network in (slim.network, full.network))
        for kept, original in zip(*weights, strict=True):
            assert np.array_equal(kept, original)


def test_a_slim_network_with_a_smaller_input_says_what_is_known(
    known_run: Path, train_run: Callable[[Recipe], Path], tmp_path: Path, one_repeat: None
):
    large = train_run(replace(load_run(known_run).recipe, name="large", image_size=64))
    goal = Goal(24.0, None, 32, first_stride=1)  # from-photos, with tests of its own, has 2
    metrics = slim_run(large, tmp_path / "run", goal, tmp_path / "cache")
    slim = load_run(tmp_path / "run")
    assert (slim.recipe.image_size, slim.recipe.pooled_head.pooling) == (32, "energy")
    assert slim.network.input_shape == (None, 32, 32, 3)
    assert slim.network.get_layer("vgg16").get_layer("block1_conv1").strides == (1, 1)
    assert sorted(slim.network.output) == ["known", "logits"]
    assert 0 < metrics["calibration"]["min_known"] < 1
    assert metrics["slim"]["speedup"] >= 24
    assert tuple(metrics["slim"]["widths"]) == slim.recipe.widths


@pytest.mark.parametrize(
    ("image_size", "message"),
    [
        (40, "an input of 40 pixels does not fit: give --image-size a multiple of 16 from 32 to 32"),
        (24, "an input of 24 pixels does not fit: give --image-size a multiple of 16 from 32 to 32"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_and_nothing_written(
    pooled_run: Path, tmp_path: Path, image_size: int, message: str
):
    with pytest.raises(GoalError, match=f"^{message}$"):
        slim_run(pooled_run, tmp_path / "run", Goal(speedup=8.0, image_size=image_size), tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def test_a_head_that_reads_the_maps_keeps_its_input(dense_run: Path, tmp_path: Path):
    with pytest.raises(GoalError, match=r"^a network whose head reads the maps keeps the size of its input: leave out"):
        slim_run(dense_run, tmp_path / "run", Goal(speedup=8.0, image_size=16), tmp_path / "cache")


def test_a_speedup_that_no_network_reaches_is_refused_and_nothing_written(dense_run: Path, tmp_path: Path):
    with pytest.raises(GoalError, match=r"^a speed-up of 65 cannot be reached: .*; give --speedup 64 or less$"):
        slim_run(dense_run, tmp_path / "run", Goal(speedup=65.0), tmp_path / "cache")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def slim_mixed(
    one_repeat: None, pooled_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, Any]]:
    """Slim the pooled run in mixed precision."""
    cache = tmp_path_factory.mktemp("cache")

    def slim_to(out: Path, **options: Any) -> dict[str, Any]:
        return slim_run(pooled_run, out, Goal(speedup=16.0), cache, mixed_precision=True, **options)

    return slim_to


@pytest.fixture(scope="module")
def mixed_run(slim_mixed: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixed") / "run"
    slim_mixed(out)
    return out


def test_mixed_precision_is_noted_and_exported_as_float32(mixed_run: Path, pooled_run: Path, tmp_path: Path):
    assert read_json(mixed_run / "slim.json")["mixed_precision"] is True
    assert read_json(mixed_run / "recipe.json")["mixed_precision"] is True
    metrics = read_json(mixed_run / "metrics.json")
    assert metrics["mixed_precision"] is True
    assert metrics["slim"]["speedup"] >= 16
    assert metrics["kfold"]["mean_accuracy"] >= 0.7  # by chance a third
    assert read_json(pooled_run / "metrics.json")["mixed_precision"] is False

    (file,) = export_run(mixed_run, tmp_path)
    assert file.report["operators"]["Cast"] == 1  # the pixels'
    assert file.report["parity"]["same_top1"] == file.report["parity"]["pictures"]
    weights = {tensor.name: tensor.data_type for tensor in onnx.load(file.path).graph.initializer}
    kernels = {kind for name, kind in weights.items() if name.endswith(".weight")}
    assert kernels == {onnx.TensorProto.FLOAT}


def test_an_interrupted_slim_run_is_finished_as_an_undisturbed_one(
    slim_mixed: Callable[..., dict[str, Any]],
    mixed_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def write_and_stop(path: Path, content: dict[str, Any]) -> None:
        write_json(path, content)
        if len(content["loss"]) == 2:
            raise KeyboardInterrupt

    (tmp_path / "run").mkdir()
    for name in ("slim.json", "pruned.weights.h5", "widths.json"):  # what was finished before the distillation
        shutil.copy(mixed_run / name, tmp_path / "run")
    monkeypatch.setattr("train.runs.checkpoints.write_json", write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        slim_mixed(tmp_path / "run", resume=True)
    monkeypatch.undo()
    losses = read_json(mixed_run / "distillation.json")["loss"]
    assert sorted(path.name for path in (tmp_path / "run").glob("d*")) == [
        *("distillation-1.weights.h5", "distillation-2.weights.h5", "distillation.json")
    ]
    assert read_json(tmp_path / "run" / "distillation.json")["loss"] == losses[:2]
    assert len(losses) == 3

    slim_mixed(tmp_path / "run", resume=True)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(p.name for p in mixed_run.iterdir())
    for name in ("distillation.json", "metrics.json", "recipe.json", "slim.json", "split.json", "widths.json"):
        assert read_json(tmp_path / "run" / name) == read_json(mixed_run / name), name
    resumed, undisturbed = (load_run(folder).network.get_weights() for folder in (tmp_path / "run", mixed_run))
    assert all(np.array_equal(*pair) for pair in zip(resumed, undisturbed, strict=True))


def test_the_pictures_to_learn_from_are_counted_and_others_are_another_run(
    slim_mixed: Callable[..., dict[str, Any]], mixed_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    drawn((130, 50, 170), seed=99).save(tmp_path / "extra.png")
    slim_mixed(mixed_run, resume=True)
    assert capsys.readouterr().err == "Learning from 18 training photos\n"
    with pytest.raises(RunFolderError, match="was started with other settings"):
        slim_mixed(mixed_run, resume=True, unlabelled=(str(tmp_path / "extra.png"),))
    assert capsys.readouterr().err == "Learning from 18 training photos, 1 unlabelled pictures\n"
