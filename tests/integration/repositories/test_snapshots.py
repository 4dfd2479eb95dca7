"""Snapshots of repositories with real Git: what is in them, what they leave alone, digests and versions."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from brics_envs.effects.snapshot import TIME_S, digest_of, take_snapshot
from brics_envs.errors import EnvsError
from brics_envs.plan.images import RepoSnapshot
from tests.support.git_repositories import commit, files, git, state
from tests.support.repository_project import NAME


def snap(source: Path, tmp_path: Path) -> RepoSnapshot:
    return take_snapshot(NAME, source, tmp_path / "context" / NAME)


def test_modes_and_times_do_not_depend_on_the_checkout(edited: Path, tmp_path: Path) -> None:
    (edited / "new.py").chmod(0o606)
    directory = snap(edited, tmp_path).directory
    found = {p: p.lstat() for p in [directory, *directory.rglob("*")]}
    assert {status.st_mtime for status in found.values()} == {TIME_S}
    modes = {str(p.relative_to(directory)): stat.S_IMODE(s.st_mode) for p, s in found.items()}
    assert modes["run"] == modes["."] == modes["src"] == 0o755
    assert modes["new.py"] == modes["pyproject.toml"] == 0o644


def test_the_digest_follows_contents_alone(edited: Path, tmp_path: Path) -> None:
    first = snap(edited, tmp_path)
    os.utime(edited / "new.py", (5, 5))
    (edited / "debug.log").write_text("ignored")
    assert snap(edited, tmp_path) == first
    assert digest_of(NAME, edited) == first.digest
    commit(edited)
    assert snap(edited, tmp_path).digest == first.digest
    git(tmp_path, "clone", "--quiet", str(edited), str(tmp_path / "again"))
    assert snap(tmp_path / "again", tmp_path).digest == first.digest
    git(edited, "worktree", "add", "--quiet", str(tmp_path / "worktree"), "-b", "side")
    assert (tmp_path / "worktree" / ".git").is_file()
    worktree = snap(tmp_path / "worktree", tmp_path)
    assert worktree.digest == first.digest
    assert not (worktree.directory / ".git").exists()


def test_the_digest_sees_every_change(upstream: Path, tmp_path: Path) -> None:
    seen = [snap(upstream, tmp_path).digest]
    file = upstream / "src/foreign/__init__.py"
    for change in (
        lambda: file.write_text("NAME = 'mine'\n"),
        lambda: file.chmod(0o755),
        lambda: file.rename(file.with_name("other.py")),
        lambda: (upstream / "link").symlink_to("a"),
        lambda: (upstream / "link").replace(upstream / "renamed"),
        (upstream / "renamed").unlink,
    ):
        change()
        seen.append(snap(upstream, tmp_path).digest)
    assert len(set(seen)) == len(seen) - 1, "only the last change takes one back"
    assert seen[-1] == seen[3]


def test_links_are_kept_and_never_followed(upstream: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (upstream / "folder").mkdir()
    (upstream / "folder" / "secret").write_text("tracked")
    commit(upstream)
    # The folder of a tracked file becomes a link to somewhere else.
    (upstream / "folder" / "secret").unlink()
    (upstream / "folder").rmdir()
    (upstream / "folder").symlink_to(outside)
    (upstream / "file").symlink_to(outside / "secret")
    directory = snap(upstream, tmp_path).directory
    assert (directory / "folder").readlink() == outside
    assert (directory / "file").readlink() == outside / "secret"
    assert "folder/secret" not in {str(p.relative_to(directory)) for p in directory.rglob("*")}


def test_plain_directories_and_ignored_ones(upstream: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (plain / "src" / "__pycache__").mkdir(parents=True)
    (plain / "src" / "__pycache__" / "x.pyc").touch()
    (plain / ".venv").mkdir()
    (plain / ".venv" / "big").touch()
    (plain / "setup.py").write_text("import setuptools\n")
    os.mkfifo(plain / "fifo")
    snapshot = snap(plain, tmp_path)
    assert files(snapshot.directory) == {"setup.py"}
    assert snapshot.version == "0+unknown"
    # The same inside a repository that ignores it, as the project ignores _dev_build_data.
    (upstream / ".gitignore").write_text("ignored/\n")
    plain.rename(upstream / "ignored")
    assert snap(upstream / "ignored", tmp_path).digest == snapshot.digest


def test_a_package_inside_a_repository_is_all_that_is_taken(upstream: Path, tmp_path: Path) -> None:
    package = upstream / "packages" / "inner"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text('[tool.setuptools_scm]\nfallback_version = "7.1"\n')
    commit(upstream)
    (package / "new.py").touch()
    (package / "x.log").touch()
    snapshot = snap(package, tmp_path)
    assert files(snapshot.directory) == {"pyproject.toml", "new.py"}
    assert snapshot.version == "7.1"


def test_a_snapshot_is_replaced_whole(upstream: Path, tmp_path: Path) -> None:
    directory = snap(upstream, tmp_path).directory
    (directory / "stray").touch()
    before = files(directory)
    (upstream / "unreadable").symlink_to("x")
    (upstream / "pyproject.toml").unlink()
    (upstream / "pyproject.toml").mkdir()
    blocked = tmp_path / "context-file"
    blocked.touch()
    with pytest.raises(EnvsError, match="no snapshot of"):
        take_snapshot(NAME, upstream, blocked / NAME)
    assert files(directory) == before
    assert "stray" not in files(snap(upstream, tmp_path).directory)
    assert [p.name for p in directory.parent.iterdir()] == [NAME]


def test_versions(edited: Path, tmp_path: Path) -> None:
    git(edited, "checkout", "--quiet", "--force", "v1.2.0")
    git(edited, "clean", "--quiet", "-fd")
    assert snap(edited, tmp_path).version == "1.2.0"
    git(edited, "checkout", "--quiet", "feature/x")
    node = git(edited, "rev-parse", "HEAD")
    version = snap(edited, tmp_path).version
    assert version.startswith("1.2.1.dev1+g")
    assert node.startswith(version.partition("+g")[2])
    # Changed, the date in the version is the commit's: the same tomorrow.
    (edited / "pyproject.toml").write_text((edited / "pyproject.toml").read_text() + "\n")
    day = time.strftime("%Y%m%d", time.gmtime(int(git(edited, "log", "-1", "--format=%ct"))))
    assert snap(edited, tmp_path).version == f"{version}.d{day}"
    assert not (edited / "src/foreign/_version.py.orig").exists()


def test_version_of_a_worktree_is_its_own(upstream: Path, tmp_path: Path) -> None:
    git(upstream, "worktree", "add", "--quiet", str(tmp_path / "worktree"), "feature/x")
    before = state(upstream / ".git")
    assert snap(tmp_path / "worktree", tmp_path).version.startswith("1.2.1.dev1+g")
    assert snap(upstream, tmp_path).version == "1.2.0"
    assert state(upstream / ".git") == before


@pytest.mark.parametrize(
    ("pyproject", "version"),
    [
        ('[project]\nversion = "4.5"\n', "4.5"),
        ('[project]\nversion = "not a version"\n', "0+unknown"),
        ("[project", "0+unknown"),
        ('[tool.setuptools_scm]\nlocal_scheme = "no-such-scheme"\nfallback_version = "2"\n', "2"),
        ("", "1.2.1.dev0"),
    ],
)
def test_version_is_always_valid(upstream: Path, tmp_path: Path, pyproject: str, version: str) -> None:
    (upstream / "pyproject.toml").write_text(pyproject)
    assert snap(upstream, tmp_path).version.partition("+")[0] == version.partition("+")[0]


def test_version_before_the_first_commit(tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    git(new, "init", "--quiet")
    (new / "pyproject.toml").write_text("[tool.setuptools_scm]\n")
    snapshot = snap(new, tmp_path)
    assert files(snapshot.directory) == {"pyproject.toml"}
    assert snapshot.version
