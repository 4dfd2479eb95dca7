"""Brings a clone up to date, or to another REF. May import: errors, config, effects.

Commits and edits of the user's own are never lost: branches only move forward, Git itself refuses what would
overwrite an edit, and commits that no branch has are not left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from brics_envs.config.repos import GitUrl
from brics_envs.effects import git, process
from brics_envs.effects.files import locked
from brics_envs.errors import EnvsError


def update(directory: Path, url: GitUrl, ref: str | None, report: Callable[[str], None]) -> None:
    """Fetch, then move what is checked out forward, or switch.

    :param url: of its origin, with the credentials for it.
    :param ref: branch, tag or commit to switch to; ``""``: the origin's default branch; none: what is checked out is
        brought up to date.
    :param report: is given a line that says what was done.
    :raises EnvsError: Git fails, or something of the user's would be lost; says what to do.
    """
    with locked(directory.parent / f".{directory.name}.lock", git.CLONE_DEADLINE_S):
        clone = _Clone(directory, url)
        before = clone.head()
        clone.fetch()
        if ref is None:
            clone.forward()
        else:
            clone.switch(ref)
        if (directory / ".gitmodules").is_file():
            clone.run("submodule", "update", "--init", "--recursive")
        now = clone.head()
    place = clone.branch() or "no branch"
    report(
        f"{directory.name}: up to date ({place}, {now[:12]})"
        if now == before
        else f"{directory.name}: {before[:12]} → {now[:12]} ({place})"
    )


class _Clone:
    """Git's commands in a clone."""

    def __init__(self, directory: Path, url: GitUrl) -> None:
        self.directory, self.url = directory, url

    def ask(self, *argv: str) -> process.Completed:
        """Run Git, whatever comes of it."""
        options = ["-C", str(self.directory), "-c", "core.fsmonitor=false"]
        return git.run_git([*options, *argv], git.CLONE_DEADLINE_S, git.remote_environment(self.url))

    def run(self, *argv: str, hint: str = "") -> str:
        """What Git prints.

        :raises EnvsError: it fails, with its words.
        """
        done = self.ask(*argv)
        if done.status:
            words = process.last_lines(done.stderr.strip())
            raise EnvsError(f"{self.directory}: `git {argv[0]}` failed:\n{words}", hint=hint)
        return done.stdout.strip()

    def commit(self, name: str) -> str:
        """The commit that a name leads to; empty if none does."""
        return self.ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        ).stdout.strip()

    def head(self) -> str:
        """The commit that is checked out."""
        return self.commit("HEAD")

    def branch(self) -> str:
        """The branch that is checked out; empty if it is none."""
        return self.ask("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()

    def fetch(self) -> None:
        """Get what the origin has by now."""
        self.run("fetch", "--quiet", "origin", hint="check that this machine may read the repository")

    def forward(self) -> None:
        """Move the branch that is checked out to where its upstream is, if it has one."""
        branch = self.branch()
        if not (branch and self.commit("@{upstream}")):
            return
        if not self._is_ancestor("HEAD", "@{upstream}") and not self._is_ancestor("@{upstream}", "HEAD"):
            raise EnvsError(
                f"{self.directory}: branch {branch} has commits of its own, and its origin has others",
                hint=f"`git -C {self.directory} rebase` or `merge` combines them",
            )
        self.run("merge", "--ff-only", "--quiet", "@{upstream}", hint="commit or stash the edits first")

    def switch(self, ref: str) -> None:
        """Check a REF out: a branch of the origin as a local branch that follows it, else a tag or commit."""
        hint = "commit or stash the edits first"
        noted = ref
        if not ref:
            self.run("remote", "set-head", "origin", "--auto")
            ref = self.run("symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
        if self.commit(f"refs/remotes/origin/{ref}"):
            if self.branch() != ref:
                self._refuse_to_leave_commits()
                create = [] if self.commit(f"refs/heads/{ref}") else ["--create"]
                track = ["--track", f"origin/{ref}"] if create else []
                self.run("switch", "--quiet", *create, ref, *track, hint=hint)
            self.forward()
        else:
            commit = self.commit(ref) or self._fetched(ref)
            if commit != self.head() or self.branch():
                self._refuse_to_leave_commits()
                self.run("switch", "--quiet", "--detach", commit, hint=hint)
        self.run("config", "brics.ref", noted)

    def _fetched(self, ref: str) -> str:
        """A commit that no branch or tag leads to, or a name outside refs/heads and refs/tags."""
        self.run("fetch", "--quiet", "origin", "--", ref, hint="check the REF")
        return self.commit("FETCH_HEAD")

    def _is_ancestor(self, one: str, other: str) -> bool:
        return self.ask("merge-base", "--is-ancestor", one, other).status == 0

    def _refuse_to_leave_commits(self) -> None:
        """Refuse to leave commits behind that nothing else leads to."""
        if self.branch() or self.run("for-each-ref", "--contains", "HEAD", "--count=1"):
            return
        raise EnvsError(
            f"{self.directory}: what is checked out has commits that no branch has",
            hint=f"`git -C {self.directory} branch NAME` keeps them",
        )
