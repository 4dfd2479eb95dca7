"""The dev repositories with real Git: clones, what is never touched, hosts that are out of reach."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from brics_envs.config.repos import parse_choices, parse_url
from brics_envs.effects.git import REACH_DEADLINE_S, unreachable
from brics_envs.errors import BAD_INPUT, FAILED, ConfigError, EnvsError
from brics_envs.lifecycle.clone import clone_repositories, ensure_repositories, preview_repositories
from brics_envs.plan.images import RepoSnapshot
from tests.support.checkout import PROJECT
from tests.support.git_hosts import git_daemon, private_host, silent_host
from tests.support.git_repositories import commit, files, git, make_edited, make_package, state
from tests.support.ports import free_port
from tests.support.processes import command_lines

NAME, OTHER = "bricsauthenticator", "slurmspawner_wrappers"


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    return make_package(tmp_path / "upstream" / NAME)


@pytest.fixture
def edited(upstream: Path) -> Path:
    return make_edited(upstream)


class Project:
    """A project folder of its own, whose default URLs are what a test wants them to be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []
        self.instance = root / "_build" / "default"
        for name in (NAME, OTHER):
            (root / "packages" / name).mkdir(parents=True)
            (root / "packages" / name / "pyproject.toml").write_text(
                f'[project]\nname = "{name}"\nversion = "3"\n'
            )
        self.set_defaults("git://127.0.0.1:1/nothing")

    def set_defaults(self, url: str) -> None:
        versions = yaml.safe_load((PROJECT / "config" / "versions.yaml").read_text())
        versions["repositories"] = dict.fromkeys((NAME, OTHER), url)
        (self.root / "config").mkdir(exist_ok=True)
        (self.root / "config" / "versions.yaml").write_text(yaml.safe_dump(versions))

    def up(self, *repos: str, allow_builtin: bool = True) -> dict[str, RepoSnapshot]:
        choices = parse_choices([value if "=" in value else f"{value}=builtin" for value in repos], self.root)
        self.lines.clear()
        return ensure_repositories(self.root, choices, self.instance, allow_builtin, self.lines.append)

    def one(self, value: str) -> RepoSnapshot:
        """Get NAME from ``value``, and the other one from the built-in package."""
        return self.up(f"{NAME}={value}", OTHER)[NAME]

    @property
    def clone(self) -> Path:
        return self.root / "_dev_build_data" / NAME

    @property
    def leftovers(self) -> list[str]:
        """What is beside the clones, locks left out."""
        folder = self.root / "_dev_build_data"
        found = [path.name for path in folder.iterdir()] if folder.exists() else []
        return sorted(name for name in found if not name.endswith(".lock") and name not in (NAME, OTHER))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


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
    with pytest.raises(ConfigError, match="is no clone of"):
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
    with pytest.raises(ConfigError, match="is no Python package"):
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


def test_default_urls_on_a_host_that_answers(project: Project, upstream: Path) -> None:
    with git_daemon(upstream.parent) as url:
        project.set_defaults(f"{url}/{NAME}")
        snapshots = project.up()
    assert {s.version for s in snapshots.values()} == {"1.2.0"}
    assert git(project.clone, "remote", "get-url", "origin") == f"{url}/{NAME}"
    assert (project.root / "_dev_build_data" / OTHER / ".git").is_dir()


def test_builtin_is_kept_until_a_clone_exists(project: Project, upstream: Path) -> None:
    port = free_port()
    project.set_defaults(f"git://127.0.0.1:{port}/{NAME}")
    began = time.monotonic()
    first = project.up()
    assert time.monotonic() - began < REACH_DEADLINE_S
    assert first[NAME].version == "3"
    fallbacks = [line for line in project.lines if "using the built-in package" in line]
    assert [line.partition(":")[0] for line in fallbacks] == [NAME, OTHER]
    assert not any("\n" in line for line in project.lines)
    assert not (project.root / "_dev_build_data").exists()
    with git_daemon(upstream.parent) as url:
        project.set_defaults(f"{url}/{NAME}")
        # Another default URL is tried: it was not this one that was out of reach.
        assert project.up()[NAME].version == "1.2.0"


def test_the_instance_keeps_its_builtin_without_asking_the_network(project: Project, upstream: Path) -> None:
    with silent_host() as url:
        project.set_defaults(url)
        began = time.monotonic()
        first = project.up()
        # Both at the same time.
        assert REACH_DEADLINE_S <= time.monotonic() - began < 1.7 * REACH_DEADLINE_S
        assert "no answer within 5 s" in project.lines[0]
        began = time.monotonic()
        assert project.up() == first
        assert time.monotonic() - began < 2
        assert all("`invoke clone` tries" in line for line in project.lines)
        # Not where built-in packages must be asked for.
        with pytest.raises(EnvsError) as caught:
            project.up(OTHER, allow_builtin=False)
        assert f"--repo {NAME}=builtin" in caught.value.hint
    assert project.up(NAME, OTHER, allow_builtin=False) == first


def test_invoke_clone_tries_again_and_the_instance_follows(project: Project, upstream: Path) -> None:
    port = free_port()
    url = f"git://127.0.0.1:{port}"
    project.set_defaults(f"{url}/{NAME}")
    project.up()
    assert (
        clone_repositories(project.root, (), project.lines.append)[NAME] == project.root / "packages" / NAME
    )
    daemon = ["git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(
        [*daemon, f"--base-path={upstream.parent}", str(upstream.parent)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 10
            while unreachable(parse_url(f"{url}/{NAME}")) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert project.up()[NAME].version == "3"
            assert clone_repositories(project.root, (), project.lines.append)[NAME] == project.clone
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    assert project.up()[NAME].version == "1.2.0"


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


CLONE = """
import sys
from pathlib import Path
from brics_envs.config.repos import parse_url
from brics_envs.effects import process
from brics_envs.effects.git import clone
try:
    clone(parse_url(sys.argv[1]), None, Path(sys.argv[2]), print)
except KeyboardInterrupt:
    process.stop_all()
    sys.exit(130)
"""


@pytest.fixture
def stuck_clone(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """A clone that waits for a host which says nothing."""
    with silent_host() as url:
        process = subprocess.Popen([sys.executable, "-c", CLONE, url, str(project.clone)], cwd=PROJECT)
        deadline = time.monotonic() + 20
        while not any(url in line for line in command_lines() if "git clone" in line):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
        process.kill()
        process.wait()


@pytest.mark.parametrize(("sig", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_clone_is_none(
    project: Project, upstream: Path, stuck_clone: subprocess.Popen[bytes], sig: signal.Signals, status: int
) -> None:
    began = time.monotonic()
    stuck_clone.send_signal(sig)
    assert stuck_clone.wait(20) == status
    assert time.monotonic() - began < 5
    assert not project.clone.exists()
    assert bool(project.leftovers) == (sig is signal.SIGKILL)
    assert project.one(f"file://{upstream}").version == "1.2.0"
    assert project.leftovers == []


def test_an_interrupted_clone_leaves_no_process(stuck_clone: subprocess.Popen[bytes]) -> None:
    stuck_clone.send_signal(signal.SIGINT)
    stuck_clone.wait(20)
    assert not [line for line in command_lines() if "clone_worker" in line]


def test_preview_says_it_all_and_creates_nothing(project: Project, edited: Path, upstream: Path) -> None:
    before = state(project.root)
    choices = parse_choices([f"{NAME}={edited}", f"{OTHER}=file://{upstream}@v1.2.0"], project.root)
    lines, snapshots = preview_repositories(project.root, choices, project.instance, allow_builtin=True)
    assert lines == [
        f"{NAME}: {edited}, in place",
        f"{OTHER}: clone file://{upstream} at v1.2.0 into _dev_build_data/{OTHER}",
    ]
    assert state(project.root) == before
    taken = ensure_repositories(project.root, choices, project.instance, True, project.lines.append)
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
