"""benchmarks/README.md names every command that there is, and nothing else."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
README = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in BENCHMARKS.rglob("*.py")}


def commands() -> set[str]:
    """Return what one types for each file of benchmarks that can be run."""
    runnable = [path.relative_to(ROOT) for path, source in SOURCES.items() if "\nif __name__ ==" in source]
    modules = {path: ".".join(path.with_suffix("").parts).removesuffix(".__main__") for path in runnable}
    return {
        f"python {path.as_posix()}" if path.parent == Path("benchmarks") else f"python -m {module}"
        for path, module in modules.items()
    }


def test_every_command_is_named_with_its_question() -> None:
    named = set(re.findall(r"`(python (?:-m )?benchmarks[\w./]+)", README))
    assert named == commands()


def test_commands_of_other_packages_exist() -> None:
    named = set(re.findall(r"`python -m (?!benchmarks)([\w.]+)", README))
    modules = {"tests.train.imports.comparison"}
    assert named == {"export", "tests.fuzz", "train"} | modules
    assert all(find_spec(name if name in modules else f"{name}.__main__") for name in named)


def test_every_kept_result_is_named() -> None:
    links = re.findall(r"\]\((results/[^)]+)\)", README)
    assert [link for link in links if not (BENCHMARKS / link).exists()] == []
    results = {path.relative_to(BENCHMARKS).as_posix() for path in (BENCHMARKS / "results").iterdir()}
    assert results - set(links) == set()


def test_commands_in_docstrings_exist() -> None:
    docstrings = "\n".join(filter(None, (ast.get_docstring(ast.parse(source)) for source in SOURCES.values())))
    named = set(re.findall(r"python (?:-m )?benchmarks[\w./]+\w", docstrings))
    assert len(named) >= 10
    assert named - commands() == set()
