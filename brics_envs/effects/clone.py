"""Clones a repository, whole or not at all. May import: errors, config, git, process, files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from brics_envs.config.repos import GitUrl
from brics_envs.effects import git, process
from brics_envs.effects.files import locked, temporary_directory
from brics_envs.errors import EnvsError


def clone(
    url: GitUrl,
    ref: str | None,
    directory: Path,
    report: Callable[[str], None],
    problem_of: Callable[[str, Path], str],
) -> bool:
    """Clone a repository; ``directory`` comes into being whole, by a rename, or not at all.

    :param ref: branch, tag or commit; none means the default branch.
    :param report: is given lines of progress.
    :param problem_of: tells, of the directory's name and the clone, why it is not kept; ``""`` if it is.
    :returns: whether it was cloned; false if ``directory`` exists by now.
    :raises EnvsError: it failed, with Git's words.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with locked(directory.parent / f".{directory.name}.lock", git.CLONE_DEADLINE_S):
            if directory.exists() or directory.is_symlink():
                return False
            _clone_beside(url, ref, directory, report, problem_of)
    except OSError as error:
        raise EnvsError(f"{directory}: cannot be made: {error.strerror or error}") from error
    return True


def _clone_beside(
    url: GitUrl,
    ref: str | None,
    directory: Path,
    report: Callable[[str], None],
    problem_of: Callable[[str, Path], str],
) -> None:
    """Clone into a temporary directory and rename; whoever calls holds the lock."""
    prefix = f".{directory.name}.part-"
    # Under the lock these can only be what a killed process left behind.
    for stale in directory.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with temporary_directory(prefix, directory.parent) as part:
        made = part / directory.name
        _run_worker(url, ref, made, report)
        if problem := problem_of(directory.name, made):
            raise EnvsError(f"{url}{_at(ref)}: {problem.replace(str(made), 'the clone')}")
        made.rename(directory)


def _run_worker(url: GitUrl, ref: str | None, target: Path, report: Callable[[str], None]) -> None:
    git.forget_hook()
    request = json.dumps({"url": url.url, "ref": ref, "target": str(target)}).encode()
    env = {**git.remote_environment(url), "LC_ALL": "C", "PYTHONPATH": str(git.PROJECT_ROOT)}
    hint = f"check the URL{' and the REF' if ref else ''}, and that this machine may read the repository"
    if ref is None and "@" in urlsplit(url.url).path:
        hint += "; a slash in a REF is written %2F"
    try:
        done = process.run(
            [sys.executable, "-m", "brics_envs.effects.clone_worker"],
            timeout_s=git.CLONE_DEADLINE_S,
            stdin=request,
            env=env,
            check=False,
            on_line=lambda line: report(f"{target.name}: {line}") if line.endswith("%") else None,
        )
    except process.CommandError as error:
        reason = f"timed out after {git.CLONE_DEADLINE_S:g} s" if error.status is None else error.message
        raise EnvsError(f"{url}{_at(ref)} cannot be cloned: {reason}", hint=hint) from None
    if done.status != 0:
        raise EnvsError(f"{url}{_at(ref)} cannot be cloned:\n{process.last_lines(done.stderr)}", hint=hint)


def _at(ref: str | None) -> str:
    return f" at {ref}" if ref else ""
