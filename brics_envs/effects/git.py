"""What the project asks of Git: reach, look at clones, list files. May import: errors, config, plan, process, files.

Nobody is ever asked for a password: Git and SSH fail instead. Credentials of a URL reach Git through its
environment, never through arguments. Nothing here writes to a repository that exists; effects.clone_update does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from brics_envs.config.repos import GitUrl, parse_url
from brics_envs.effects import process
from brics_envs.errors import EnvsError
from brics_envs.plan.repos import ExistingClone

if TYPE_CHECKING:
    import git

REACH_DEADLINE_S = 5.0
"""Seconds until an address that does not answer counts as unreachable."""

CLONE_DEADLINE_S = 600.0
"""Seconds that a clone may take, and to wait for another process that clones the same."""

LOCAL_DEADLINE_S = 60.0
"""Seconds for a command that reads a repository on disk."""

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_CREDENTIAL_HELPER = (
    '!f() { test "$1" != get || '
    'printf "username=%s\\npassword=%s\\n" "$BRICS_GIT_USERNAME" "$BRICS_GIT_PASSWORD"; }; f'
)

_HOOK_VARIABLES = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_CONFIG_PARAMETERS",
]


def unreachable(url: GitUrl, deadline_s: float = REACH_DEADLINE_S) -> str:
    """Ask a remote repository for its branches.

    :param deadline_s: seconds to wait for its answer.
    :returns: ``""`` if it answers, else why not, in one line.
    """
    try:
        done = run_git(
            ["ls-remote", "--quiet", "--heads", "--", url.url], deadline_s, remote_environment(url)
        )
    except process.CommandError as error:
        return f"no answer within {deadline_s:g} s" if error.status is None else "git is not installed"
    return "" if done.status == 0 else _summary(done.stderr)


def existing_clone(directory: Path) -> ExistingClone | None:
    """Look at what is in ``_dev_build_data/NAME``; none if there is nothing.

    :raises EnvsError: it is not a directory.
    """
    if not (directory.exists() or directory.is_symlink()):
        return None
    if not directory.is_dir():
        raise EnvsError(f"{directory} is not a directory", hint="move it away")
    # GitPython takes long to load, and most commands find no clone that must be compared with a flag.
    import git

    forget_hook()
    try:
        with git.Repo(directory) as repository:
            config = repository.config_reader("repository")
            origin = next((remote.url for remote in repository.remotes if remote.name == "origin"), None)
            return ExistingClone(
                origin and _without_credentials(origin),
                # Not get_value, which takes 1.10 for a number.
                config.get("brics", "ref") if config.has_option("brics", "ref") else None,
                frozenset(_heads(repository)),
            )
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return ExistingClone(None)


def toplevel(directory: Path) -> Path | None:
    """Return the root of the Git working tree that a directory belongs to; none if it belongs to none.

    :raises EnvsError: Git refuses to read the repository, with its words.
    """
    if shutil.which("git") is None:
        return None
    done = _git_in(directory, ["rev-parse", "--show-toplevel"])
    if done.status == 0:
        return Path(done.stdout.removesuffix("\n"))
    if "not a git repository" in done.stderr or "must be run in a work tree" in done.stderr:
        return None
    raise EnvsError(f"{directory}: git cannot read it: {done.stderr.strip()}")


def listed_files(directory: Path, *, untracked: bool = True) -> list[str]:
    """Return the paths, relative to a directory in a Git working tree, of what Git has below it.

    Tracked files are listed though they may have been deleted; a submodule or nested repository is one entry.

    :param untracked: with those that are neither tracked nor ignored.
    :raises EnvsError: Git fails, or a name is not UTF-8.
    """
    kinds = ["--cached", *(["--others", "--exclude-standard"] if untracked else [])]
    done = _git_in(directory, ["ls-files", "-z", *kinds])
    if done.status != 0:
        raise EnvsError(f"{directory}: git cannot list its files: {done.stderr.strip()}")
    names = [name.rstrip("/") for name in done.stdout.split("\0") if name]
    if bad := [name for name in names if "\ufffd" in name]:
        raise EnvsError(f"{directory}: the name of {bad[0]!r} is not UTF-8", hint="rename it")
    return sorted(set(names))


def git_directories(directory: Path) -> tuple[Path, Path]:
    """Return a working tree's own Git directory and the one that it shares with other working trees.

    :raises EnvsError: Git fails.
    """
    done = _git_in(directory, ["rev-parse", "--absolute-git-dir", "--git-common-dir"])
    if done.status != 0:
        raise EnvsError(f"{directory}: git cannot read it: {done.stderr.strip()}")
    own, common = done.stdout.splitlines()
    return Path(own), (directory / common).resolve()


def commit_time(directory: Path) -> int:
    """Return the time of the commit that is checked out, in seconds since 1970; 0 if there is none."""
    done = _git_in(directory, ["-c", "log.showSignature=false", "log", "-1", "--format=%ct"])
    return int(done.stdout) if done.status == 0 and done.stdout.strip().isdigit() else 0


def head_commit(directory: Path) -> str:
    """The commit of a working tree's HEAD in hexadecimal; empty if that cannot be told."""
    try:
        done = _git_in(directory, ["rev-parse", "HEAD"])
    except EnvsError:
        return ""
    return done.stdout.strip() if done.status == 0 else ""


def run_git(argv: list[str], timeout_s: float, env: dict[str, str]) -> process.Completed:
    """Run Git, whatever comes of it."""
    forget_hook()
    return process.run(["git", *argv], timeout_s=timeout_s, env={"LC_ALL": "C", **env}, check=False)


def _git_in(directory: Path, argv: list[str]) -> process.Completed:
    # fsmonitor would start a program that the repository names; optional locks would rewrite its index.
    # The project's own checkout may be another user's (a mounted folder, root in a container): trust it.
    settings = ("core.fsmonitor=false", f"safe.directory={PROJECT_ROOT}")
    options = [word for setting in settings for word in ("-c", setting)]
    return run_git(["-C", str(directory), *options, *argv], LOCAL_DEADLINE_S, {"GIT_OPTIONAL_LOCKS": "0"})


def forget_hook() -> None:
    """Forget the repository whose Git hook started us: it is not the one that is asked about."""
    for name in _HOOK_VARIABLES:
        os.environ.pop(name, None)


def remote_environment(url: GitUrl) -> dict[str, str]:
    """Variables with which Git asks nobody anything, and knows the URL's credentials."""
    env = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": f"{_ssh_command()} -o BatchMode=yes -o ConnectTimeout=10",
    }
    if url.credentials is None:
        return env
    parts = urlsplit(url.url)
    key = f"credential.{parts.scheme}://{parts.netloc}.helper"
    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    # The empty value takes away the user's own helpers, which would store what we hand over.
    for number, value in enumerate(("", _CREDENTIAL_HELPER), start=count):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env | {
        "GIT_CONFIG_COUNT": str(count + 2),
        "BRICS_GIT_USERNAME": url.credentials.username,
        "BRICS_GIT_PASSWORD": url.credentials.password,
    }


def _ssh_command() -> str:
    if own := os.environ.get("GIT_SSH_COMMAND") or os.environ.get("GIT_SSH"):
        return own
    with contextlib.suppress(process.CommandError):
        return run_git(["config", "--get", "core.sshCommand"], LOCAL_DEADLINE_S, {}).stdout.strip() or "ssh"
    return "ssh"


def _summary(stderr: str) -> str:
    """Return the line of Git's output that says why it failed, without ``fatal:`` and the URL."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")] or lines[-1:]
    if told and told[0].startswith("Could not read from remote"):
        # SSH has said why before.
        told = lines
    return re.sub(r"^unable to access '[^']*': ", "", told[0]) if told else "git gives no reason"


def _without_credentials(origin: str) -> str:
    try:
        return parse_url(origin).url
    except ValueError:
        return origin if "://" not in origin else "an address that is not understood"


def _heads(repository: git.Repo) -> list[str]:
    """Return the names of what is checked out: its commit, the tags on it, the branch."""
    if not repository.head.is_valid():
        return []
    commit = repository.head.commit
    tags = repository.git.tag("--points-at", "HEAD").split()
    branches = [] if repository.head.is_detached else [repository.active_branch.name]
    return [commit.hexsha, *tags, *branches]
