"""Whether a directory can be one of the dev repositories, as its metadata tells: none of its code is run.

May import: nothing of the project.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Table = Mapping[str, Any]

PACKAGE_FILES = ("pyproject.toml", "setup.py")
"""A directory with none of these is no Python package that pip can install."""

ENTRY_POINTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bricsauthenticator": {"jupyterhub.authenticators": ("brics",), "jupyterhub.spawners": ("brics",)},
    "slurmspawner_wrappers": {
        "console_scripts": ("slurmspawner_sbatch", "slurmspawner_squeue", "slurmspawner_scancel")
    },
}
"""What the environments use of each package: group of entry points → names."""


def missing_package_files(directory: Path) -> str:
    """Return what makes a directory no Python package, or ``""`` if it is one."""
    if not directory.is_dir():
        return f"{directory} {'is not a directory' if directory.exists() else 'does not exist'}"
    if not any((directory / file).is_file() for file in PACKAGE_FILES):
        return f"{directory} is not a Python package: it has neither {' nor '.join(PACKAGE_FILES)}"
    return ""


def package_problem(name: str, directory: Path) -> str:
    """Return why a directory cannot be the dev repository ``name``, or ``""`` if nothing is known against it.

    Entry points that only the package's own code could tell (a ``setup.py``, dynamic metadata) are not judged: the
    build finds out.
    """
    if problem := missing_package_files(directory):
        return problem
    try:
        called, entry_points = _metadata(directory)
    except (OSError, ValueError, configparser.Error) as error:
        return f"{directory}: its metadata cannot be read: {error}"
    if entry_points is None:
        return ""
    missing = list(_missing(ENTRY_POINTS[name], entry_points))
    if not missing:
        return ""
    return (
        f"{directory} has {f'package {called}' if called else 'a package'}, which cannot be used as {name}: it lacks "
        f"{', '.join(missing)} (packages/{name}/README.md says what is needed)"
    )


def _missing(wanted: Mapping[str, tuple[str, ...]], found: Mapping[str, Table]) -> Iterator[str]:
    for group, names in wanted.items():
        there = found.get(group) or {}
        for name in names:
            what = f"script {name}" if group == "console_scripts" else f"entry point {name} in {group}"
            if name not in there:
                yield what
            elif isinstance(there[name], str) and not re.fullmatch(r"\s*[\w.]+\s*:\s*[\w.]+.*", there[name]):
                yield f"{what} of the form MODULE:OBJECT"


def _metadata(directory: Path) -> tuple[str, Mapping[str, Table] | None]:
    """A package's name, and its entry points by group; none if no file tells them.

    :raises ValueError: pyproject.toml is not TOML, or has a list where a table belongs.
    """
    file = directory / "pyproject.toml"
    pyproject = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    project, poetry = _table(pyproject, "project"), _table(_table(pyproject, "tool"), "poetry")
    if project:
        return str(project.get("name", "")), _of_project(project)
    if poetry:
        groups = {"console_scripts": _table(poetry, "scripts"), **_table(poetry, "plugins")}
        return str(poetry.get("name", "")), groups
    return _of_setup_cfg(directory)


def _of_project(project: Table) -> Mapping[str, Table] | None:
    """What PEP 621's table says; what it does not call dynamic, nothing else may add."""
    if {"scripts", "entry-points"} & set(project.get("dynamic", ())):
        return None
    groups = _table(project, "entry-points")
    return {
        **{group: _table(groups, group) for group in groups},
        "console_scripts": _table(project, "scripts"),
    }


def _of_setup_cfg(directory: Path) -> tuple[str, Mapping[str, Table] | None]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(directory / "setup.cfg", encoding="utf-8")
    name = parser.get("metadata", "name", fallback="")
    section = "options.entry_points"
    if not parser.has_section(section) or (directory / "setup.py").is_file():
        return name, None
    groups = {group: _lines(parser.get(section, group)) for group in parser.options(section)}
    return name, groups


def _lines(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _table(table: Table, key: str) -> Table:
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"{key} is not a table")
    return found
