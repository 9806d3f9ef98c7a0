"""benchmarks/README.md names every command that there is, and nothing else."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
README = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in BENCHMARKS.rglob("*.py")}


def commands() -> dict[str, str]:
    """Return the source of each file of benchmarks that can be run, by what one types for it."""
    runnable = {path.relative_to(ROOT): source for path, source in SOURCES.items() if "\nif __name__ ==" in source}
    modules = {path: ".".join(path.with_suffix("").parts).removesuffix(".__main__") for path in runnable}
    return {
        f"python {path.as_posix()}" if path.parent == Path("benchmarks") else f"python -m {modules[path]}": source
        for path, source in runnable.items()
    }


def test_every_command_is_named_with_its_question() -> None:
    named = set(re.findall(r"`(python (?:-m )?benchmarks[\w./]+)", README))
    assert named == commands().keys()


def test_every_command_says_an_expected_error_in_one_line() -> None:
    ends = {name: re.search(r'\n    run_command\(main, "([^"]+)"', source) for name, source in commands().items()}
    assert {name: found and found[1] for name, found in ends.items()} == {name: name for name in ends}


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
    assert named - commands().keys() == set()
