"""Real Git repositories, and all that is in their directories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

INTERFACE = """
[project.entry-points."jupyterhub.authenticators"]
brics = "foreign:Authenticator"

[project.entry-points."jupyterhub.spawners"]
brics = "foreign:Spawner"

[project.scripts]
slurmspawner_sbatch = "foreign:sbatch"
slurmspawner_squeue = "foreign:squeue"
slurmspawner_scancel = "foreign:scancel"
"""
"""What both dev repositories together must have."""

PYPROJECT = (
    """\
[build-system]
requires = ["setuptools", "setuptools-scm"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
dynamic = ["version"]
"""
    + INTERFACE
    + """
[tool.setuptools_scm]
version_file = "src/{module}/_version.py"
"""
)


def git(directory: Path, *arguments: str) -> str:
    """Run Git as nobody in particular; return what it writes."""
    done = subprocess.run(
        # Nothing goes on in the background when it returns.
        ["git", "-C", str(directory), "-c", "maintenance.auto=false", *arguments],
        env={**os.environ, **IDENTITY},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(repository: Path, message: str = "Change something") -> str:
    """Commit everything; return the commit."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def make_package(directory: Path, name: str = "bricsauthenticator", module: str = "foreign") -> Path:
    """Make a package's repository: setuptools-scm, a version file, tag v1.2.0, branch ``feature/x``."""
    source = directory / "src" / module
    source.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(PYPROJECT.format(name=name, module=module))
    (directory / ".gitignore").write_text("_version.py\n*.log\n")
    (source / "__init__.py").write_text("NAME = 'main'\n")
    git(directory, "init", "--quiet", "--initial-branch=main")
    commit(directory, "Begin")
    git(directory, "tag", "v1.2.0")
    git(directory, "checkout", "--quiet", "-b", "feature/x")
    (source / "__init__.py").write_text("NAME = 'feature'\n")
    commit(directory, "Add a feature")
    git(directory, "checkout", "--quiet", "main")
    return directory


def state(directory: Path) -> dict[str, tuple[object, ...]]:
    """Everything about every file below a directory that writing to it could change."""
    return {
        str(path.relative_to(directory)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.lstat().st_ctime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [directory, *directory.rglob("*")]
    }


def files(directory: Path) -> set[str]:
    """The paths of everything below a directory that is no directory itself."""
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_symlink() or not p.is_dir()}


def make_edited(repository: Path) -> Path:
    """Change a package's repository in every way without committing; the last commit gets the tag v1.3.0."""
    (repository / "gone.txt").touch()
    (repository / "run").write_text("#!/bin/sh\n")
    (repository / "run").chmod(0o700)
    (repository / "länge 名.txt").write_text("x")
    commit(repository)
    git(repository, "tag", "v1.3.0")
    (repository / "gone.txt").unlink()
    (repository / "src/foreign/__init__.py").write_text("EDITED = 1\n")
    (repository / "src/foreign/_version.py").write_text("ignored = 1\n")
    (repository / "debug.log").touch()
    (repository / "new.py").touch()
    (repository / "staged.py").touch()
    git(repository, "add", "staged.py")
    return repository
