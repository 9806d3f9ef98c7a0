"""The recipes are data, say what was published, and are the only place that knows a task."""

import ast
import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from train.recipes import (
    RECIPES,
    Augmentation,
    CachedViews,
    DenseHead,
    OnTheFly,
    PooledHead,
    recipe_from_json,
    with_fine_tuning,
)

ROOT = Path(__file__).parents[2]
# The device's default task, and the recipes themselves.
RECIPE_FILES = {f"train/recipes/{name}.py" for name in ("__init__", "attribution", "ours", "published")}
MAY_NAME_A_TASK = {*RECIPE_FILES, "edge_infer/cli/options.py"}


def test_the_recipes_of_the_command_line():
    assert list(RECIPES) == [
        *("gems", "gems-baseline", "gems-improved"),
        *("gender", "gender-baseline", "gender-l2"),
        "custom",
    ]
    assert {name: recipe.name for name, recipe in RECIPES.items()} == {name: name for name in RECIPES}


def test_the_baseline_is_as_published():
    recipe = RECIPES["gems-baseline"]
    assert recipe.published
    assert recipe.image_size == 224
    assert recipe.head == DenseHead(units=(256,), dropout=0.0)
    assert recipe.schedule == OnTheFly(optimizer="rmsprop", learning_rate=None, batch_size=32, epochs=10)
    assert recipe.ratios == (78, 12, 10)


def test_the_improved_recipe_is_as_published():
    recipe = RECIPES["gems-improved"]
    assert recipe.published
    assert recipe.head == DenseHead(units=(256, 128), dropout=0.5)
    assert recipe.schedule == OnTheFly(optimizer="adam", learning_rate=1e-4, batch_size=32, epochs=50)


def test_gems_differs_from_custom_in_names_and_what_a_stranger_counts():
    gems, custom = (asdict(RECIPES[name]) for name in ("gems", "custom"))
    names = {"name", "summary", "task", "attribution", "card"}
    assert {key for key in gems if gems[key] != custom[key]} == names | {"head", "fine_tune"}
    assert gems["fine_tune"] == custom["fine_tune"] | {"mode": "always"}
    assert {key for key in gems["head"] if gems["head"][key] != custom["head"][key]} == {"known"}
    assert gems["head"]["known"] == custom["head"]["known"] | {"part_weights": {"other_stones": 3, "things": 32}}
    assert isinstance(RECIPES["gems"].head, PooledHead)
    assert isinstance(RECIPES["gems"].schedule, CachedViews)
    assert RECIPES["gems"].preprocessing == "caffe"
    assert not RECIPES["gems"].published


def test_only_whether_a_recipe_fine_tunes_is_asked_for():
    tuned = with_fine_tuning(RECIPES["gems"], "auto")
    assert tuned.fine_tune.mode == "auto"
    assert with_fine_tuning(tuned, RECIPES["gems"].fine_tune.mode) == RECIPES["gems"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str):
    assert recipe_from_json(json.loads(json.dumps(asdict(RECIPES[name])))) == RECIPES[name]


def test_no_augmentation_is_the_default():
    assert not any(asdict(Augmentation()).values())


GEMS = re.compile(r"(?<![a-z])gem(s|stones?)?(?![a-z])", re.IGNORECASE)  # but not ONNX's Gemm


@pytest.mark.slow
@pytest.mark.parametrize("package", ["train", "export", "edge_infer"])
def test_no_code_outside_the_recipes_knows_about_gems(package: str):
    """Comments and docstrings may give the gems as an example; names and values may not."""
    files = sorted((ROOT / package).rglob("*.py"))
    offenders = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        if str(file.relative_to(ROOT)) not in MAY_NAME_A_TASK
        for line, text in _names_and_values(ast.parse(file.read_text(encoding="utf-8")))
        if GEMS.search(text)
    ]
    assert offenders == []


def test_the_search_for_gems_finds_them():
    """The check above must be able to fail."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in RECIPE_FILES]
    found = [name for text in texts for _, name in _names_and_values(ast.parse(text))]
    assert {"gems", "gems-improved", "GEMS_ATTRIBUTION"} <= {text for text in found if GEMS.search(text)}
    assert list(_names_and_values(ast.parse('"""About gems."""\n# gems\n'))) == []


def _names_and_values(tree: ast.AST):
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
    }
    for node in ast.walk(tree):
        for text in (getattr(node, name, None) for name in ("id", "name", "attr", "arg", "value")):
            if isinstance(text, str) and id(node) not in docstrings:
                yield getattr(node, "lineno", 0), text


def test_the_published_gender_recipes_are_as_published():
    baseline, l2 = RECIPES["gender-baseline"], RECIPES["gender-l2"]
    assert (baseline.image_size, baseline.preprocessing, baseline.ratios) == (150, "unit", (70, 10, 20))
    assert baseline.head == DenseHead(units=(256,), sigmoid=True)
    assert l2.head == DenseHead(units=(256,), l2=0.001, sigmoid=True)
    for recipe, steps, validation_steps in ((baseline, 75, 25), (l2, 80, 30)):
        schedule = recipe.schedule
        assert (schedule.optimizer, schedule.learning_rate, schedule.batch_size) == ("rmsprop", 2e-5, 20)
        assert (schedule.epochs, schedule.steps, schedule.validation_steps) == (10, steps, validation_steps)
        assert schedule.unscaled_validation
        assert recipe.augmentation == RECIPES["gems-baseline"].augmentation
        assert recipe.published


@pytest.mark.parametrize(
    ("name", "meaning", "not_for"),
    [("gender", "Apparent gender", "identifying people"), ("gems", "looks like", "certifying stones")],
)
def test_a_card_says_what_the_label_means_and_what_it_is_not_for(name: str, meaning: str, not_for: str):
    card = RECIPES[name].card
    assert set(card) == {"label_meaning", "intended_use", "limits", "not_for"}
    assert meaning in card["label_meaning"]
    assert not_for in card["not_for"]
