"""Print the lowest version of everything that pyproject.toml asks for, as requirements for pip."""

import tomllib
from pathlib import Path

pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
project = pyproject["project"]
groups = [pyproject["build-system"]["requires"], project["dependencies"], *project["optional-dependencies"].values()]
for requirement in sorted({requirement for group in groups for requirement in group}):
    if not requirement.startswith(f"{project['name']}["):  # the extras of this project that another one takes in
        print(requirement.replace(">=", "=="))
