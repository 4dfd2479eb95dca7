"""Repositories of URLs and paths: clones, what is never touched, what is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from brics_envs.config.repos import parse_url
from brics_envs.effects.git import unreachable
from brics_envs.errors import BAD_INPUT, FAILED, ConfigError, EnvsError
from brics_envs.lifecycle.repositories import preview_repositories
from tests.support.git_hosts import private_host
from tests.support.git_repositories import commit, files, git, make_package, state
from tests.support.ports import free_port
from tests.support.repository_project import NAME, OTHER, Project


@pytest.mark.parametrize(
    ("ref", "text", "branch"),
    [
        ("", "main", "main"),
        ("@main", "main", "main"),
        ("@v1.2.0", "main", ""),
        ("@feature%2Fx", "feature", "feature/x"),
    ],
)
def test_file_url_with_ref(project: Project, upstream: Path, ref: str, text: str, branch: str) -> None:
    snapshot = project.one(f"file://{upstream}{ref}")
    assert (snapshot.directory / "src/foreign/__init__.py").read_text() == f"NAME = '{text}'\n"
    assert git(project.clone, "branch", "--show-current") == branch
    assert project.leftovers == []
    # Once more: the same clone, and nothing new.
    assert project.one(f"file://{upstream}{ref}") == snapshot


def test_commits_full_short_and_of_no_branch(project: Project, upstream: Path) -> None:
    git(upstream, "checkout", "--quiet", "--detach")
    (upstream / "lonely").touch()
    lonely = commit(upstream)
    git(upstream, "checkout", "--quiet", "main")
    git(upstream, "config", "uploadpack.allowAnySHA1InWant", "true")
    for ref in (lonely, git(upstream, "rev-parse", "main"), git(upstream, "rev-parse", "--short", "main")):
        subprocess.run(["rm", "-rf", project.clone], check=True)
        snapshot = project.one(f"file://{upstream}@{ref}")
        assert git(project.clone, "rev-parse", "HEAD").startswith(ref)
        assert (snapshot.directory / "lonely").exists() == (ref == lonely)


def test_a_clone_is_never_updated_nor_overwritten(project: Project, upstream: Path) -> None:
    url = f"file://{upstream}"
    project.one(url)
    (project.clone / "src/foreign/__init__.py").write_text("EDITED = 1\n")
    before = state(project.clone)
    (upstream / "new").touch()
    commit(upstream)
    snapshot = project.one(url)
    assert (snapshot.directory / "src/foreign/__init__.py").read_text() == "EDITED = 1\n"
    for other in (f"{url}@v1.2.0", f"file://{project.root}/else"):
        with pytest.raises(ConfigError) as caught:
            project.one(other)
        assert caught.value.exit_status == BAD_INPUT
        assert str(project.clone) in caught.value.message
    # Without --repo it is used too, and nobody asks the default URL.
    assert project.up(OTHER)[NAME] == snapshot
    assert state(project.clone) == before


def test_what_the_user_put_there_is_used_but_is_no_clone_of_anything(
    project: Project, upstream: Path
) -> None:
    project.clone.mkdir(parents=True)
    (project.clone / "setup.py").write_text("# by hand\n")
    assert files(project.up(OTHER)[NAME].directory) == {"setup.py"}
    with pytest.raises(ConfigError, match="is not a clone of"):
        project.one(f"file://{upstream}")


def test_a_clone_made_by_hand_counts_as_one(project: Project, upstream: Path) -> None:
    project.clone.parent.mkdir()
    git(project.root, "clone", "--quiet", str(upstream), str(project.clone))
    git(project.clone, "checkout", "--quiet", "v1.2.0")
    project.one(f"file://{upstream}@v1.2.0")
    with pytest.raises(ConfigError, match=r"not at v9"):
        project.one(f"file://{upstream}@v9")


def test_an_empty_directory_is_no_package(project: Project) -> None:
    project.clone.mkdir(parents=True)
    with pytest.raises(ConfigError, match="is not a Python package"):
        project.up(OTHER)
    assert list(project.clone.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("file:///no/such/repository", "does not appear to be a git repository"),
        ("file://{upstream}@no-such-ref", "no-such-ref"),
        ("git://127.0.0.1:{port}/repo", "unable to connect"),
        ("file://{empty}", "neither pyproject.toml nor setup.py"),
    ],
)
def test_a_url_that_cannot_be_cloned_is_an_error(
    project: Project, upstream: Path, tmp_path: Path, value: str, words: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    with pytest.raises(EnvsError) as caught:
        project.one(value.format(upstream=upstream, empty=empty, port=free_port()))
    assert caught.value.exit_status == FAILED
    assert words in caught.value.message
    assert not project.clone.exists()
    assert project.leftovers == []


def test_submodules_are_cloned_and_are_in_the_snapshot(
    project: Project, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_package(tmp_path / "part", module="part")
    git(
        upstream,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        f"file://{tmp_path}/part",
        "part",
    )
    commit(upstream)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    snapshot = project.one(f"file://{upstream}")
    assert "part/src/part/__init__.py" in files(snapshot.directory)
    assert not any(".git" in Path(name).parts for name in files(snapshot.directory))
    assert snapshot.version.startswith("1.2.1.dev1+g")


def test_credentials_reach_git_and_nobody_else(project: Project, upstream: Path) -> None:
    secret = "s3cret/with@signs"  # noqa: S105
    with private_host(upstream.parent, "me", secret) as (address, seen):
        encoded = f"http://me:s3cret%2Fwith%40signs@{address}/{NAME}"
        snapshot = project.one(f"{encoded}@v1.2.0")
        assert snapshot.version == "1.2.0"
        assert unreachable(parse_url(encoded)) == ""
        config = (project.clone / ".git" / "config").read_text()
        assert f"http://{address}/{NAME}" in config
        # The same origin, whatever the password is by now.
        assert project.one(f"http://you:other@{address}/{NAME}@v1.2.0") == snapshot
        subprocess.run(["rm", "-rf", project.clone], check=True)
        with pytest.raises(EnvsError) as caught:
            project.one(f"http://me:wr0ng@{address}/{NAME}")
    assert "Authentication failed" in caught.value.message
    told = "\n".join([config, str(caught.value), *project.lines, *seen])
    assert f"git-remote-http origin http://{address}/{NAME}" in told
    assert not any(word in told for word in ("s3cret", "wr0ng"))


def test_preview_says_it_all_and_creates_nothing(project: Project, edited: Path, upstream: Path) -> None:
    before = state(project.root)
    flags = (f"{NAME}={edited}", f"{OTHER}=file://{upstream}@v1.2.0")
    lines, snapshots = preview_repositories(project.choose(*flags).decisions, project.instance)
    assert lines == [
        f"{NAME}: {edited}, copied into the image",
        f"{OTHER}: clone file://{upstream} at v1.2.0 into _dev_build_data/{OTHER}",
    ]
    assert state(project.root) == before
    taken = project.up(*flags)
    assert snapshots[NAME].digest == taken[NAME].digest


def test_git_hooks_variables_do_not_lead_astray(
    project: Project, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_package(tmp_path / "mine")
    before = state(mine)
    monkeypatch.setenv("GIT_DIR", str(mine / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(mine / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(mine))
    snapshot = project.one(f"file://{upstream}@feature%2Fx")
    assert (snapshot.directory / "src/foreign/__init__.py").read_text() == "NAME = 'feature'\n"
    assert state(mine) == before


def test_a_path_is_used_as_it_is_and_only_read(project: Project, edited: Path) -> None:
    # Times that differ from the index are what makes Git rewrite it.
    os.utime(edited / "pyproject.toml", (1, 1))
    before = state(edited)
    snapshot = project.one(str(edited))
    assert state(edited) == before
    assert files(snapshot.directory) == {
        ".gitignore",
        "länge 名.txt",
        "new.py",
        "pyproject.toml",
        "run",
        "src/foreign/__init__.py",
        "staged.py",
    }
    assert (snapshot.directory / "src/foreign/__init__.py").read_text() == "EDITED = 1\n"
    assert snapshot.directory == project.instance / "context" / NAME
    assert not project.clone.exists()
