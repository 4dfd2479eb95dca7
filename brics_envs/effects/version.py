"""The version that a dev repository's package is built with. May import: errors, files, process, git.

The images have neither Git nor the repository's history, so that setuptools-scm is told the version from
outside. It is computed here by setuptools-scm itself, on the snapshot with a copy of the repository's index:
``git describe``, which it calls, would rewrite the repository's own.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from brics_envs.effects import git, process
from brics_envs.effects.files import temporary_directory
from brics_envs.errors import EnvsError

UNKNOWN = "0+unknown"
"""A valid version (PEP 440) that sorts below every release."""

DEADLINE_S = 60.0
"""Seconds for setuptools-scm."""


def package_version(source: Path, snapshot: Path) -> str:
    """Return a valid version (PEP 440) for the package in ``source``; :data:`UNKNOWN` if it cannot be found
    out.

    Equal files on the same commit have the same version on every day: the date that setuptools-scm puts into
    the version of a changed tree is the commit's.

    :param snapshot: a copy of the source's files without ``.git``; as it was when this returns.
    """
    pyproject = _pyproject(snapshot)
    static = pyproject.get("project", {}).get("version")
    candidates = [static] if static else [_from_git(source, snapshot), _fallback(pyproject)]
    return next((version for version in candidates if version and _is_valid(version)), UNKNOWN)


def _pyproject(directory: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((directory / "pyproject.toml").read_text())
    except (OSError, ValueError):
        # Whatever is wrong with it, the build tells it better than we could.
        return {}


def _fallback(pyproject: dict[str, Any]) -> str | None:
    found = pyproject.get("tool", {}).get("setuptools_scm", {}).get("fallback_version")
    return found if isinstance(found, str) else None


def _is_valid(version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def _from_git(source: Path, snapshot: Path) -> str | None:
    """Run setuptools-scm on the snapshot, dressed for the time being as a working tree of the repository."""
    try:
        root = git.toplevel(source)
        if root is None or not root.samefile(source):
            return None
        with temporary_directory("brics-git-") as directory:
            _fill_git_directory(source, directory)
            link = snapshot / ".git"
            link.write_text(f"gitdir: {directory}\n")
            try:
                return _run(snapshot, git.commit_time(source))
            finally:
                link.unlink()
    except (EnvsError, OSError):
        return None


def _fill_git_directory(source: Path, directory: Path) -> None:
    """Make what a linked working tree has of its own, HEAD and index; all else is in the common directory."""
    own, common = git.git_directories(source)
    for path in (own / "HEAD", own / "index", *own.glob("sharedindex.*")):
        if path.exists():
            shutil.copy(path, directory)
    (directory / "commondir").write_text(f"{common}\n")


def _run(snapshot: Path, epoch_s: int) -> str | None:
    done = process.run(
        [
            sys.executable,
            "-m",
            "setuptools_scm",
            "--root",
            str(snapshot),
            "--config",
            str(snapshot / "pyproject.toml"),
        ],
        timeout_s=DEADLINE_S,
        env={"SOURCE_DATE_EPOCH": str(epoch_s), "LC_ALL": "C"},
        check=False,
    )
    lines = done.stdout.split()
    return lines[-1] if done.status == 0 and lines else None
