"""Default URLs: on a host that answers, and built-in packages where none does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from brics_envs.config.repos import parse_url
from brics_envs.effects.git import REACH_DEADLINE_S, unreachable
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.clone import clone
from tests.support.git_hosts import git_daemon, silent_host
from tests.support.git_repositories import git
from tests.support.ports import free_port
from tests.support.repository_project import NAME, OTHER, Project
from tests.support.waiting import wait_for


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
        assert REACH_DEADLINE_S <= time.monotonic() - began < 2 * REACH_DEADLINE_S
        assert any("no answer within 5 s" in line for line in project.lines)
        began = time.monotonic()
        assert project.up() == first
        assert time.monotonic() - began < REACH_DEADLINE_S
        kept = [line.partition(":")[0] for line in project.lines if "`invoke clone` tries" in line]
        assert kept == [NAME, OTHER]
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
    assert clone(project.root, (), project.lines.append)[NAME] == project.root / "packages" / NAME
    daemon = ["git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(
        [*daemon, f"--base-path={upstream.parent}", str(upstream.parent)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(lambda: not unreachable(parse_url(f"{url}/{NAME}")), "git daemon")
            assert project.up()[NAME].version == "3"
            assert clone(project.root, (), project.lines.append)[NAME] == project.clone
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    assert project.up()[NAME].version == "1.2.0"
