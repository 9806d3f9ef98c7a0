"""`python -m train`: one line for everything that can be wrong, and nothing left behind."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.train.conftest import write_photos
from train.__main__ import cli, main
from train.files import read_json
from train.recipe_commands import recipe_command
from train.recipes import RECIPES, Recipe


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


pytestmark = pytest.mark.usefixtures("one_repeat")
Run = Callable[..., Outcome]


@pytest.fixture
def run(
    cached_recipe: Recipe,
    published_recipe: Recipe,
    random_weights: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the command line in this process, with two small recipes added."""
    for recipe in (cached_recipe, published_recipe):
        cli.add_command(recipe_command(recipe))
        monkeypatch.setitem(cli.commands, recipe.name, cli.commands.pop(recipe.name))
    monkeypatch.setenv("EDGE_INFER_BASE_WEIGHTS", random_weights)
    monkeypatch.setenv("EDGE_INFER_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Outcome(exit_.value.code or 0, captured.out, captured.err)

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", count=6)


@pytest.mark.parametrize("recipe", ["small", "small-published"])
def test_a_run_prints_its_report_and_where_to_go_on(run: Run, data: Path, tmp_path: Path, recipe: str):
    done = run(recipe, "--data", data, "--out", tmp_path / "run")
    assert done.code == 0
    assert done.out.strip() == (tmp_path / "run" / "report.md").read_text().strip()
    assert done.err.splitlines()[0] == "Loading TensorFlow"
    assert f"{tmp_path / 'run'} is finished after" in done.err
    assert done.err.endswith(f"next: python -m export {tmp_path / 'run'} --out DIR\n")
    assert read_json(tmp_path / "run" / "metrics.json")["recipe"] == recipe


def test_options_reach_the_run(run: Run, data: Path, tmp_path: Path):
    write_photos(tmp_path / "test", count=2, seed=80)
    options = ("--test", tmp_path / "test", "--seed", 7, "--preprocessing", "unit", "--cache", tmp_path / "mine")
    assert run("small", "--data", data, "--out", tmp_path / "run", *options).code == 0
    recipe = read_json(tmp_path / "run" / "recipe.json")
    assert (recipe["seed"], recipe["preprocessing"], recipe["fine_tune"]["mode"]) == (7, "unit", "never")
    assert read_json(tmp_path / "run" / "metrics.json")["split"]["test"] == 6
    assert len(list((tmp_path / "mine").rglob("*.npz"))) == 2 * 24  # views, photos
    assert not (tmp_path / "cache").exists()


def test_an_interrupted_run_says_how_to_go_on_and_does(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    command = ("small", "--data", data, "--out", tmp_path / "run")
    with monkeypatch.context() as interrupted:
        interrupted.setattr("train.pipeline.write_report", stop)
        stopped = run(*command)
    assert stopped.code == 130
    assert stopped.out == ""
    assert stopped.err.endswith("with --resume if it has that: training keeps what is done.\n")
    refused = run(*command)
    assert refused.code == 1
    assert refused.err == f"Error: {tmp_path / 'run'} exists: give a new folder, or --resume to finish that run\n"
    other = run(*command, "--resume", "--seed", 5)
    assert other.code == 1
    assert other.err == (
        f"Error: {tmp_path / 'run'} was started with other settings: resume with those, or give a new folder\n"
    )
    assert run(*command, "--resume").code == 0
    assert (tmp_path / "run" / "metrics.json").exists()


def _remove_all(data: Path) -> list[object]:
    shutil.rmtree(data)
    data.mkdir()
    return []


def _keep_one_class(data: Path) -> list[object]:
    for label in ("blue", "green"):
        shutil.rmtree(data / label)
    return []


def _empty_class(data: Path) -> list[object]:
    (data / "violet").mkdir()
    return []


def _four_photos(data: Path) -> list[object]:
    for number in (0, 1):
        (data / "red" / f"red_{number}.png").unlink()
    return []


def _unreadable(data: Path) -> list[object]:
    (data / "red" / "broken.jpg").write_bytes(b"no photo")
    return []


def _half_a_photo(data: Path) -> list[object]:
    whole = (data / "red" / "red_3.png").read_bytes()
    (data / "red" / "red_3.png").write_bytes(whole[: len(whole) // 2])
    return []


def _copies_only(data: Path) -> list[object]:
    for number in range(1, 6):
        shutil.copy(data / "red" / "red_0.png", data / "red" / f"red_{number}.png")
    return []


def _other_test_classes(data: Path) -> list[object]:
    write_photos(data.parent / "test", count=1, labels=("red", "blue"))
    return ["--test", data.parent / "test"]


def _missing_test(data: Path) -> list[object]:
    return ["--test", data.parent / "nowhere"]


def _test_repeats_training(data: Path) -> list[object]:
    return ["--test", data]


def _missing_weights(data: Path) -> list[object]:
    return ["--base-weights", data.parent / "nowhere.weights.h5"]


def _wrong_weights(data: Path) -> list[object]:
    import keras

    path = data.parent / "other.weights.h5"
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]).save_weights(path)
    return ["--base-weights", path]


def _photo_as_data(data: Path) -> list[object]:
    shutil.rmtree(data)
    data.write_text("a file")
    return []


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_remove_all, "{data} needs at least two class folders with photos, found none"),
        (_keep_one_class, "{data} needs at least two class folders with photos, found only red"),
        (_empty_class, "class folder {data}/violet holds no photos: add some, or remove it"),
        (_four_photos, "class red has 4 photos, at least 5 are needed: add photos or remove the class"),
        (_copies_only, "class red has 1 photos besides duplicates, at least 5 are needed"),
        (_unreadable, "1 photo cannot be read ({data}/red/broken.jpg is not a picture"),
        (_half_a_photo, "1 photo cannot be read ({data}/red/red_3.png is damaged"),
        (_other_test_classes, "the classes of {parent}/test differ from those of {data}: it lacks green"),
        (_missing_test, "test folder {parent}/nowhere does not exist"),
        (_test_repeats_training, "class blue has no photos left to train on once duplicates of test photos are out"),
        (_missing_weights, "base weights {parent}/nowhere.weights.h5 do not exist: give"),
        (_wrong_weights, "base weights {parent}/other.weights.h5 do not fit VGG16 without top: "),
        (_photo_as_data, "data folder {data} does not exist"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_folder(
    run: Run, data: Path, tmp_path: Path, spoil: Callable[[Path], list[object]], named: str
):
    options = spoil(data)
    failed = run("small", "--data", data, "--out", tmp_path / "run", *options)
    assert (failed.code, failed.out) == (1, "")
    lines = failed.err.splitlines()
    assert [line for line in lines if line != "Loading TensorFlow"] == lines[-1:]
    assert lines[-1].startswith("Error: " + named.format(data=data, parent=data.parent))
    assert not (tmp_path / "run").exists()


def test_an_existing_output_is_left_alone(run: Run, data: Path, tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("kept")
    (tmp_path / "file").write_text("kept")
    for name, options in (("taken", ()), ("taken", ("--resume",)), ("file", ()), ("file", ("--resume",))):
        failed = run("small", "--data", data, "--out", tmp_path / name, *options)
        assert failed.code == 1
        assert failed.err.startswith(f"Error: {tmp_path / name}")
        assert failed.err.count("\n") == 1
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_is_one_line(run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "out/train/red/red_0.png")

    monkeypatch.setattr("train.data.splits.shutil.copyfile", full)
    failed = run("split", data, tmp_path / "out")
    assert failed.code == 1
    assert failed.err == "Error: [Errno 28] No space left on device: 'out/train/red/red_0.png'\n"
    assert not (tmp_path / "out").exists()


def test_a_folder_is_not_split_into_itself(run: Run, data: Path):
    done = run("split", data, data / "parts")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"Error: {data / 'parts'} lies inside {data}, where it would pass for a class: choose a place elsewhere\n"
    )
    assert not (data / "parts").exists()


def test_split_copies_and_counts(run: Run, data: Path, tmp_path: Path):
    done = run("split", data, tmp_path / "out", "--ratios", 50, 30, 20)
    assert (done.code, done.out, done.err) == (
        0,
        f"{tmp_path / 'out'}: 9 train, 6 validation, 3 test\n",
        "",
    )
    assert len(list((tmp_path / "out" / "validation").rglob("*.png"))) == 6
    again = run("split", data, tmp_path / "out")
    assert (again.code, again.err) == (1, f"Error: {tmp_path / 'out'} exists: give a new folder\n")
    wrong = run("split", data, tmp_path / "other", "--ratios", 50, 30, 30)
    assert (wrong.code, wrong.err) == (1, "Error: split ratios must be at least 0 and sum to 100, got 50 30 30\n")
    assert not (tmp_path / "other").exists()


def test_audit_in_words_and_as_json(run: Run, data: Path):
    shutil.copy(data / "red" / "red_0.png", data / "blue" / "copy.png")
    words = run("audit", data)
    assert words.code == 0
    assert words.out.startswith("19 photos in 3 classes, 6 to 7 a class: blue 7, green 6, red 6\n")
    record = json.loads(run("audit", data, "--json").out)
    assert record["duplicates"] == [
        {
            "files": [str(data / "blue" / "copy.png"), str(data / "red" / "red_0.png")],
            "exact": True,
            "distance": 0,
            "crosses_classes": True,
            "crosses_parts": False,
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("small",), "Missing option '--data'"),
        (("nonsense",), "No such command 'nonsense'"),
        (("small", "--seed", "x"), "'x' is not a valid integer"),
        (("small", "--preprocessing", "bgr"), "'bgr' is not one of 'caffe', 'unit'"),
        (("slim", "run", "--out", "slim", "--speedup", "nan"), "nan is not in the range 1<=x<=64"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: tuple[str, ...], reason: str):
    failed = run(*arguments)
    assert (failed.code, failed.out) == (2, "")
    assert reason in failed.err


def test_every_recipe_is_a_command(run: Run):
    text = run("--help").out
    for name in (*RECIPES, "audit", "split"):
        assert f"\n  {name} " in text
    assert "--fine-tune" in run("custom", "--help").out
    assert "--fine-tune" not in run("gems-baseline", "--help").out


def test_the_module_runs_as_a_process(tmp_path: Path):
    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "train", *arguments],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )

    failed = python("audit", str(tmp_path / "nowhere"))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == f"Error: data folder {tmp_path / 'nowhere'} does not exist\n"
    assert python("--help").returncode == 0
