"""What is refused as a dev repository by its metadata alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.package import ENTRY_POINTS, package_problem
from brics_envs.config.repos import REPOSITORIES

ROOT = Path(__file__).resolve().parents[2]
AUTH, WRAPPERS = REPOSITORIES

PROJECT = '[project]\nname = "{name}"\nversion = "1"\n'
SCRIPTS = "".join(f'slurmspawner_{name} = "{{}}"\n' for name in ("sbatch", "squeue", "scancel"))
SETUP_CFG = "[metadata]\nname = wrappers\n[options.entry_points]\nconsole_scripts =\n"


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def test_every_repository_has_an_interface() -> None:
    assert set(ENTRY_POINTS) == set(REPOSITORIES)


@pytest.mark.parametrize("name", REPOSITORIES)
def test_builtin_packages_can_work(name: str) -> None:
    assert package_problem(name, ROOT / "packages" / name) == ""


@pytest.mark.parametrize(("name", "other"), [(AUTH, WRAPPERS), (WRAPPERS, AUTH)])
def test_one_in_the_place_of_the_other_is_refused(name: str, other: str) -> None:
    problem = package_problem(name, ROOT / "packages" / other)
    assert f"has package {other}, which cannot be used as {name}" in problem
    assert all(entry in problem for names in ENTRY_POINTS[name].values() for entry in names)
    assert f"packages/{name}/README.md" in problem


def test_what_is_missing_is_named_and_only_that(tmp_path: Path) -> None:
    scripts = SCRIPTS.format("a:b", "a:b", "a:b").replace("slurmspawner_scancel", "scancel")
    write(tmp_path, pyproject__toml=f"{PROJECT.format(name='w')}[project.scripts]\n{scripts}")
    problem = package_problem(WRAPPERS, tmp_path)
    assert "script slurmspawner_scancel" in problem
    assert "slurmspawner_sbatch" not in problem


@pytest.mark.parametrize("reference", ["module", "", "module:", ":main", "a b:c"])
def test_an_entry_point_that_names_no_object_is_refused(tmp_path: Path, reference: str) -> None:
    scripts = SCRIPTS.format("a:b", reference, "a.c:d.e")
    write(tmp_path, pyproject__toml=f"{PROJECT.format(name='w')}[project.scripts]\n{scripts}")
    assert "script slurmspawner_squeue of the form MODULE:OBJECT" in package_problem(WRAPPERS, tmp_path)


GOOD = {
    "another name": {"pyproject__toml": f"{PROJECT.format(name='mine')}[project.scripts]\n{SCRIPTS}"},
    "poetry": {"pyproject__toml": f'[tool.poetry]\nname = "mine"\n[tool.poetry.scripts]\n{SCRIPTS}'},
    "setup.cfg": {
        "pyproject__toml": "",
        "setup__cfg": SETUP_CFG + "".join(f"  {line}\n" for line in SCRIPTS.replace('"', "").splitlines()),
    },
    # Only its code could tell: the build finds out.
    "setup.py": {"setup__py": "raise SystemExit('nobody runs this')"},
    "setup.cfg and setup.py": {"setup__py": "", "setup__cfg": SETUP_CFG},
    "dynamic": {"pyproject__toml": '[project]\nname = "w"\ndynamic = ["version", "scripts"]\n'},
}


@pytest.mark.parametrize("kind", GOOD)
def test_nothing_is_held_against_what_may_work(tmp_path: Path, kind: str) -> None:
    write(tmp_path, **{name: text.replace("{}", "module:main") for name, text in GOOD[kind].items()})
    assert package_problem(WRAPPERS, tmp_path) == ""


BAD = {
    "nothing": ({}, "is not a Python package"),
    "no TOML": ({"pyproject__toml": "name = "}, "metadata cannot be read"),
    "no table": ({"pyproject__toml": "project = 1"}, "project is not a table"),
    "not UTF-8": ({"pyproject__toml": "\udcff"}, "metadata cannot be read"),
    "no scripts": ({"pyproject__toml": PROJECT.format(name="x")}, "has package x, which cannot be used as"),
    "poetry without": ({"pyproject__toml": '[tool.poetry]\nname = "x"'}, "script slurmspawner_sbatch"),
    "setup.cfg without": ({"pyproject__toml": "", "setup__cfg": SETUP_CFG}, "package wrappers"),
    "broken setup.cfg": ({"pyproject__toml": "", "setup__cfg": "name = 1"}, "metadata cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_work_is_refused(tmp_path: Path, kind: str) -> None:
    files, words = BAD[kind]
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_bytes(text.encode(errors="surrogateescape"))
    assert words in package_problem(WRAPPERS, tmp_path)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "does not exist" in package_problem(AUTH, tmp_path / "gone")
    assert "is not a directory" in package_problem(AUTH, tmp_path / "file")
