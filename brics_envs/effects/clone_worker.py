"""Clones one repository with GitPython; run as a process of its own. May import: nothing of the project.

A process, because GitPython has no deadline for a clone and nothing to stop it with: whoever started the
process can stop it together with everything that Git started. Reads a JSON object from standard input
(``url``, ``ref`` or null, ``target``, a directory that does not exist), writes progress to standard output
and Git's own words to standard error.
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar, TypedDict, cast

import git

REF_KEY = ("brics", "ref")
"""Section and key of the clone's own configuration that hold the REF it was made with (empty: none)."""


class Request(TypedDict):
    """What to clone."""

    url: str
    ref: str | None
    target: str


class _Progress(git.RemoteProgress):
    """Prints how far Git is, a line for each tenth."""

    NAMES: ClassVar = {
        git.RemoteProgress.COUNTING: "counting",
        git.RemoteProgress.COMPRESSING: "compressing",
        git.RemoteProgress.RECEIVING: "receiving",
        git.RemoteProgress.RESOLVING: "resolving",
    }
    _last = ""

    def update(
        self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str = ""
    ) -> None:
        name = self.NAMES.get(op_code & self.OP_MASK)
        if name and max_count:
            line = f"{name} {10 * int(10 * float(cur_count) / float(max_count))} %"
            if line != self._last:
                print(line, flush=True)
            self._last = line

    @property
    def words(self) -> str:
        """What Git wrote besides its progress, errors first."""
        other = [line for line in self.other_lines if not line.startswith("Cloning into")]
        return "\n".join([*self.error_lines, *other])


def clone(request: Request) -> None:
    """Clone, check out, fetch submodules, note the REF.

    :raises git.GitCommandError: Git failed; what is in ``target`` then is of no use.
    """
    url, ref, target = request["url"], request["ref"], request["target"]
    progress = _Progress()
    try:
        # GitPython takes such an object as well as a function, though its annotation does not say so.
        repository = git.Repo.clone_from(url, target, cast(Any, progress), no_checkout=ref is not None)
    except git.GitCommandError as error:
        # What went to the progress is missing in the error.
        error.stderr = progress.words or error.stderr
        raise
    if ref is not None:
        _check_out(repository, ref)
    if repository.submodules:
        repository.git.submodule("update", "--init", "--recursive")
    with repository.config_writer("repository") as config:
        config.set_value(*REF_KEY, ref or "")


def _check_out(repository: git.Repo, ref: str) -> None:
    """Check out a branch of the origin (as a local branch that follows it), else a tag or commit."""
    if f"origin/{ref}" in [branch.name for branch in repository.remote().refs]:
        repository.git.checkout("-B", ref, "--track", f"origin/{ref}")
        return
    try:
        repository.git.checkout("--detach", ref, "--")
    except git.GitCommandError:
        # A commit that no branch or tag leads to, or a name outside refs/heads and refs/tags.
        repository.git.fetch("origin", ref)
        repository.git.checkout("--detach", "FETCH_HEAD", "--")


def main() -> int:
    """Do what standard input says; 0 done, 1 Git failed."""
    try:
        clone(json.load(sys.stdin))
    except git.GitCommandError as error:
        words = str(error.stderr or error.stdout).strip()
        print(words.removeprefix("stderr:").strip().strip("'"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
