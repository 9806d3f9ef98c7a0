"""What a repository holds besides code: workflows, forms, the citation, and what they repeat of pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

import edge_infer

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, BUILD = PYPROJECT["project"], PYPROJECT["build-system"]
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


def check_schema(schema: str, *files: Path) -> "subprocess.CompletedProcess[str]":
    """Hold files against a schema that check-jsonschema brings along; no network."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_for_others_follow_their_schema(schema: str, files: list[Path]):
    assert files
    done = check_schema(schema, *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok -- validation done\n", "")


def test_a_misspelt_key_is_found(tmp_path: Path):
    workflow = tmp_path / "ci.yml"
    workflow.write_text(WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
    done = check_schema("vendor.github-workflows", workflow)
    assert done.returncode == 1
    assert "run-on" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_may_write_nothing_but_the_release(path: Path):
    workflow = read_yaml(path)
    jobs = workflow["jobs"]
    used = [step["uses"] for job in jobs.values() for step in job.get("steps", []) if "uses" in step]
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []

    permissions = [workflow["permissions"], *(job["permissions"] for job in jobs.values() if "permissions" in job)]
    written = {name for granted in permissions for name, level in granted.items() if level != "read"}
    assert written == ({"id-token"} if path.name == "release.yml" else set())


def test_the_wheel_is_tried_on_every_system_and_every_python_that_is_promised():
    matrix = read_yaml(GITHUB / "workflows" / "ci.yml")["jobs"]["device"]["strategy"]["matrix"]
    names = [name.removeprefix("Programming Language :: Python :: 3.") for name in PROJECT["classifiers"]]
    promised = [f"3.{name}" for name in names if name.isdigit()]

    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert any(system.endswith("-arm") for system in matrix["os"])


def test_the_lowest_version_of_every_requirement_is_tried():
    groups = [BUILD["requires"], PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    promised = {Requirement(line) for group in groups for line in group if not line.startswith("edge-infer[")}
    unbounded = [str(wanted) for wanted in promised if [bound.operator for bound in wanted.specifier] != [">="]]
    assert unbounded == []

    command = [sys.executable, ROOT / ".ci" / "lowest_versions.py"]
    tried = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert sorted(tried) == sorted(str(wanted).replace(">=", "==") for wanted in promised)
    assert len({wanted.name.lower() for wanted in promised}) == len(promised)  # or pip could not install them together


def test_the_citation_names_this_version_and_licence():
    citation = read_yaml(ROOT / "CITATION.cff")

    assert citation["version"] == edge_infer.__version__
    assert (citation["title"], citation["license"]) == (PROJECT["name"], PROJECT["license"])
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]


def test_the_test_command_of_the_readme_is_that_of_contributing():
    command = re.search(r"(?m)^.* && \.venv/bin/pytest .*$", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert command
    assert f"{command[0]}\n" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_contributing_names_what_exists():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page) if "://" not in link]
    paths = re.findall(r"`([a-z]\w*/[\w./-]*)`", page)

    assert {"docs/architecture.md", "SECURITY.md"} <= set(links)
    assert {"edge_infer/cli/writers.py", "train/recipes/"} <= set(paths)
    assert [path for path in [*links, *paths] if not (ROOT / path).exists()] == []
