"""`clone --update`: clones come up to date or to another REF, and nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.repos import parse_choices
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.clone import clone
from tests.support.git_repositories import commit, git, state
from tests.support.repository_project import NAME, OTHER, Project

SOURCE = "src/foreign/__init__.py"


@pytest.fixture
def cloned(project: Project, upstream: Path) -> Project:
    """A project with a clone of the upstream's default branch."""
    project.one(f"file://{upstream}")
    return project


def update(project: Project, *values: str) -> str:
    """What `invoke clone --update` says."""
    lines: list[str] = []
    repos = [f"{NAME}={value}" for value in values]
    clone(project.root, parse_choices(repos, project.root), lines.append, update=True)
    return "\n".join(lines)


def head(directory: Path) -> tuple[str, str]:
    """The branch and the commit that are checked out."""
    return git(directory, "branch", "--show-current"), git(directory, "rev-parse", "HEAD")


def change(upstream: Path, text: str) -> str:
    (upstream / SOURCE).write_text(f"NAME = {text!r}\n")
    return commit(upstream)


def test_a_clone_moves_forward_and_keeps_edits(cloned: Project, upstream: Path) -> None:
    (cloned.clone / "notes.txt").write_text("mine")
    (cloned.clone / "pyproject.toml").open("a").write("# mine\n")
    before, new = git(cloned.clone, "rev-parse", "HEAD"), change(upstream, "new")
    assert f"{NAME}: {before[:12]} → {new[:12]} (main)" in update(cloned)
    assert head(cloned.clone) == ("main", new)
    assert "# mine" in (cloned.clone / "pyproject.toml").read_text()
    assert (cloned.clone / "notes.txt").read_text() == "mine"
    assert f"{NAME}: up to date (main, {new[:12]})" in update(cloned)


def test_edits_that_an_update_would_overwrite_stop_it(cloned: Project, upstream: Path) -> None:
    (cloned.clone / SOURCE).write_text("MINE = 1\n")
    before = head(cloned.clone)
    change(upstream, "new")
    for values in ((), (f"file://{upstream}@feature%2Fx",)):
        with pytest.raises(EnvsError, match="would be overwritten") as caught:
            update(cloned, *values)
        assert caught.value.hint == "commit or stash the edits first"
        assert head(cloned.clone) == before
        assert (cloned.clone / SOURCE).read_text() == "MINE = 1\n"


def test_own_commits_stay_and_are_not_mixed_with_others(cloned: Project, upstream: Path) -> None:
    (cloned.clone / "mine").touch()
    own = commit(cloned.clone)
    assert f"up to date (main, {own[:12]})" in update(cloned)
    change(upstream, "new")
    with pytest.raises(EnvsError, match="branch main has commits of its own"):
        update(cloned)
    assert head(cloned.clone) == ("main", own)
    # Elsewhere they are still there.
    update(cloned, f"file://{upstream}@v1.2.0")
    assert git(cloned.clone, "rev-parse", "main") == own


def test_the_ref_is_switched_and_up_takes_it(cloned: Project, upstream: Path) -> None:
    url = f"file://{upstream}"
    for ref, branch in (("@feature%2Fx", "feature/x"), ("@v1.2.0", ""), ("@main", "main"), ("", "main")):
        update(cloned, url + ref)
        assert head(cloned.clone)[0] == branch
        text = "feature" if branch == "feature/x" else "main"
        snapshot = cloned.one(url + ref)
        assert (snapshot.directory / SOURCE).read_text() == f"NAME = '{text}'\n"
    new = change(upstream, "new")
    update(cloned, f"{url}@{new}")
    assert head(cloned.clone) == ("", new)
    with pytest.raises(EnvsError, match="couldn't find remote ref nothing") as caught:
        update(cloned, f"{url}@nothing")
    assert caught.value.hint == "check the REF"
    with pytest.raises(ConfigError, match="is a clone of"):
        update(cloned, f"{url}-else")


def test_commits_that_no_branch_has_are_not_left_behind(cloned: Project, upstream: Path) -> None:
    update(cloned, f"file://{upstream}@v1.2.0")
    (cloned.clone / "mine").touch()
    own = commit(cloned.clone)
    with pytest.raises(EnvsError, match="commits that no branch has") as caught:
        update(cloned, f"file://{upstream}@main")
    assert "branch NAME` keeps them" in caught.value.hint
    assert head(cloned.clone) == ("", own)
    git(cloned.clone, "branch", "kept")
    update(cloned, f"file://{upstream}@main")
    assert head(cloned.clone)[0] == "main"


def test_without_update_and_for_what_is_no_clone_nothing_changes(cloned: Project, upstream: Path) -> None:
    change(upstream, "new")
    before = state(cloned.clone)
    clone(cloned.root, (), list[str]().append)
    assert state(cloned.clone) == before
    (cloned.clone.parent / OTHER).mkdir()
    (cloned.clone.parent / OTHER / "setup.py").touch()
    assert f"{OTHER}: _dev_build_data/{OTHER} has no origin: it stays as it is" in update(cloned)
    with pytest.raises(ConfigError, match="--update is for clones"):
        update(cloned, "builtin")
