"""Both packages build as an image builds them: from a copy without .git, with no Git on PATH, offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[1]

SCRIPTS = {
    f"slurmspawner_{name}": f"slurmspawner_wrappers:{name}" for name in ("sbatch", "squeue", "scancel")
}
ENTRY_POINTS = {
    "slurmspawner_wrappers": {"console_scripts": SCRIPTS},
    "bricsauthenticator": {
        "jupyterhub.authenticators": {"brics": "bricsauthenticator:BricsAuthenticator"},
        "jupyterhub.spawners": {"brics": "bricsauthenticator:BricsSlurmSpawner"},
    },
}


def build(package: str, folder: Path, **environment: str) -> zipfile.ZipFile:
    """The wheel of a package, made from a copy in a folder."""
    ignore = shutil.ignore_patterns("*.egg-info", "build", "_version.py", "__pycache__", "tests")
    source = shutil.copytree(PACKAGES / package, folder / package, ignore=ignore)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        env={"PATH": str(folder / "empty"), "HOME": os.environ.get("HOME", "/"), **environment},
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.mark.parametrize("package", ENTRY_POINTS)
@pytest.mark.parametrize(("given", "expected"), [(None, "0.1.0"), ("3.2.1", "3.2.1")])
def test_a_wheel_is_built(tmp_path: Path, package: str, given: str | None, expected: str) -> None:
    version = {f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{package.upper()}": given} if given else {}
    wheel = build(package, tmp_path, **version)
    names = set(wheel.namelist())
    packaged = {
        f"{package}/{path.name}"
        for path in (PACKAGES / package / "src" / package).iterdir()
        if path.suffix in {".py", ".html", ".typed"}
    }
    assert packaged | {f"{package}/_version.py"} <= names
    assert f"'{expected}'" in wheel.read(f"{package}/_version.py").decode()
    entry_points = ConfigParser()
    entry_points.optionxform = str  # type: ignore[assignment,method-assign]
    entry_points.read_string(wheel.read(f"{package}-{expected}.dist-info/entry_points.txt").decode())
    assert {group: dict(entry_points[group]) for group in entry_points.sections()} == ENTRY_POINTS[package]
