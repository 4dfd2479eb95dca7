"""Check that product code imports every package of project.in: ``python requirements/check.py``, in the environment.

What nothing imports would be installed, updated and trusted for nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "requirements/project.in"

NOT_IMPORTED = {
    "pip": "a program: bootstrap and noxfile.py install with it",
    "setuptools-scm": "a program: brics_envs/effects/version.py runs it",
}
"""Packages that no module imports → why they are there all the same."""


def main() -> None:
    """Print what is wrong; the exit status is 1 if something is."""
    wrong = list(problems(required(LIST.read_text()), imported(modules())))
    for problem in wrong:
        print(f"{LIST.relative_to(ROOT)}: {problem}")
    sys.exit(bool(wrong))


def required(text: str) -> list[str]:
    """The names of the packages in a list of requirements, as indexes compare them."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [canonicalize_name(Requirement(line).name) for line in lines if line and line[0] != "-"]


def modules() -> Iterator[Path]:
    """Every file of the commands' own code."""
    yield from (ROOT / "brics_envs").rglob("*.py")
    yield from (ROOT / "pykustomize").glob("*.py")
    yield from (ROOT / "tasks.py", ROOT / "noxfile.py")


def imported(files: Iterable[Path]) -> set[str]:
    """The names of the packages that files import from, wherever in them."""
    provided_by = packages_distributions()
    found: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            found.update(map(canonicalize_name, provided_by.get(name.partition(".")[0], ())))
    return found


def problems(packages: Iterable[str], used: set[str]) -> Iterator[str]:
    """What is wrong with the list, and with the exceptions to it."""
    packages = list(packages)
    for package in packages:
        if package not in used and package not in NOT_IMPORTED:
            yield f"{package} is imported by no product code"
    for package in NOT_IMPORTED:
        if package in used:
            yield f"{package} is imported now: it is no exception in requirements/check.py any more"
        elif package not in packages:
            yield f"{package} is an exception in requirements/check.py and not in the list"


if __name__ == "__main__":
    main()
