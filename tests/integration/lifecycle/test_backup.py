"""`backup` and `restore`: the state of a running instance comes back, in a new one, and over another state."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.errors import BAD_INPUT
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.hub_client import HubClient
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance
from tests.support.waiting import wait_for

HOME_FILE = "/home/project1/testuser.project1/kept"


@pytest.fixture(scope="module")
def archive(running: RunningInstance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the running instance, with homes, made while its hub writes and a notebook runs."""
    running.slurm("sh", "-c", f"echo before >{HOME_FILE}; chown testuser.project1: {HOME_FILE}")
    file = tmp_path_factory.mktemp("backups") / "backup.tar.gz"
    client = running.client("testuser")
    client.start(brics_project="project1.brics")
    try:
        done = ok(invoke("backup", *running.option, "--archive", str(file), "--homes"))
        assert client.run("print(6 * 7)").strip() == "42"
    finally:
        client.stop()
    assert "with JupyterHub " in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    return file


@pytest.fixture(scope="module")
def restored(running: RunningInstance, archive: Path) -> Iterator[RunningInstance]:
    """A new instance with that state, up."""
    instance = Instance("restored")
    option = ("--instance", instance.name)
    try:
        said = ok(invoke("restore", str(archive), *option)).stdout
        assert f"instance {running.instance.name} (dev_dummyauth)" in said
        port = free_port()
        up = ("up", "--env", "dev_dummyauth", *option, "--port", str(port))
        ok(invoke(*up, timeout_s=UP_DEADLINE_S))
        yield RunningInstance(instance, port, running.podman, "")
    finally:
        ok(invoke("down", *option))


def state(running: RunningInstance) -> list[str]:
    """What tells one state from another: keys, and the users in the database."""
    sums = running.hub("sh", "-c", "cd /srv/jupyterhub; sha256sum jupyterhub_c*").splitlines()
    query = "import sqlite3; c = sqlite3.connect('/srv/jupyterhub/jupyterhub.sqlite')\n"
    query += "print(c.execute('select name, cookie_id from users order by name').fetchall())"
    munge = running.slurm("sha256sum", "/var/lib/munge/munge.key")
    return [*sums, running.hub("python3", "-c", query), munge, running.password]


def test_the_state_is_that_of_before(running: RunningInstance, restored: RunningInstance) -> None:
    assert state(restored) == state(running)
    owner = restored.slurm(
        "stat", "--format=%U %a", HOME_FILE, "/var/lib/munge", "/var/spool/slurm/slurmctld"
    )
    assert owner.splitlines()[0] == "testuser.project1 644"
    assert [line.split()[1] for line in owner.splitlines()[1:]] == ["700", "700"]


def test_it_works(restored: RunningInstance) -> None:
    client = restored.client("testuser")
    client.start(brics_project="project1.brics")
    assert client.run("print(open('kept').read())").strip() == "before"
    client.stop()


def test_an_instance_that_is_up_is_left_alone(restored: RunningInstance, archive: Path) -> None:
    done = invoke("restore", str(archive), *restored.option)
    assert done.status == BAD_INPUT
    assert "is up" in done.stderr
    assert restored.hub_answers()


@pytest.mark.full
def test_over_another_state_and_back_interrupted_at_first(restored: RunningInstance, archive: Path) -> None:
    # Rollback: a backup without homes, another state, and back.
    ok(invoke("backup", *restored.option))
    (first,) = (PROJECT / "_backups").glob("restored-*.tar.gz")
    before = state(restored)
    restored.slurm("sh", "-c", f"echo after >{HOME_FILE}")
    restored.hub("sh", "-c", f"cd /srv/jupyterhub; echo {'0' * 64} >jupyterhub_cookie_secret; touch new")
    ok(invoke("down", *restored.option, "--keep-volumes"))

    command = [sys.executable, "-m", "invoke", "restore", str(first), *restored.option]
    for number in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as started:
            mark = restored.directory / "restoring"
            end = time.monotonic() + 60
            while not mark.exists() and started.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            started.send_signal(number)
            started.wait(30)
        assert mark.exists()
        up = ["--env", "dev_dummyauth", "--port", str(restored.port)]
        refused = invoke("up", *up, *restored.option)
        assert refused.status == BAD_INPUT
        assert "half restored" in refused.stderr
    assert not list((PROJECT / "_backups").glob(".part-*"))

    ok(invoke("restore", str(first), *restored.option))
    ok(invoke("up", *up, *restored.option, timeout_s=UP_DEADLINE_S))
    assert state(restored) == before
    assert restored.slurm("cat", HOME_FILE).strip() == "after"
    assert restored.run("jupyterhub", "test", "-e", "/srv/jupyterhub/new").status == 1

    (kept,) = (PROJECT / "_backups").glob("restored-*-before-restore.tar.gz")
    ok(invoke("down", *restored.option))
    ok(invoke("restore", str(kept), *restored.option))
    for backup in (PROJECT / "_backups").glob("restored-*.tar.gz"):
        backup.unlink()
    ok(invoke("up", *up, *restored.option, timeout_s=UP_DEADLINE_S))
    assert restored.hub("cat", "/srv/jupyterhub/jupyterhub_cookie_secret").strip() == "0" * 64
    assert restored.run("jupyterhub", "test", "-e", "/srv/jupyterhub/new").status == 0


def test_what_is_no_backup(archive: Path, tmp_path: Path) -> None:
    for content in (b"", b"text", archive.read_bytes()[:-1000]):
        (tmp_path / "x").write_bytes(content)
        done = invoke("restore", str(tmp_path / "x"), "--instance", "none")
        assert done.status == BAD_INPUT, done.stderr
        assert "Traceback" not in done.stderr
    assert not (PROJECT / "_build/none").exists()


# -- an older database


def test_an_older_database_is_brought_up_to_date(running: RunningInstance) -> None:
    script = (
        "import pathlib, sqlite3, sys; old = pathlib.Path('/srv/jupyterhub/old.sqlite'); old.unlink(True)\n"
        "sqlite3.connect(old).executescript(sys.argv[1])"
    )
    running.hub("python3", "-c", script, (PROJECT / "tests/support/jupyterhub-4.1.6.sql").read_text())
    running.hub("python3", "-c", KEEP)
    put_database(running, "old.sqlite")
    hub = running.container("jupyterhub")
    try:
        hub.restart(timeout=10)
        wait_for_hub(running)
        copies = running.hub("sh", "-c", "cd /srv/jupyterhub; ls jupyterhub.sqlite.2*").split()
        query = "import sqlite3, sys; c = sqlite3.connect(f'/srv/jupyterhub/{sys.argv[1]}')\n"
        query += "print(c.execute('select version_num from alembic_version').fetchone()[0])\n"
        query += "print(*c.execute('select name from users').fetchall())"
        upgraded, old = (
            running.hub("python3", "-c", query, name) for name in ("jupyterhub.sqlite", copies[0])
        )
        assert "olduser" in upgraded
        assert "0eee8c825d24" in old
        assert "0eee8c825d24" not in upgraded
        client: HubClient = running.client("testuser")
        client.start(brics_project="project1.brics")
        client.stop()
    finally:
        running.hub("sh", "-c", "rm /srv/jupyterhub/jupyterhub.sqlite.2*")
        put_database(running, "kept.sqlite")
        hub.restart(timeout=10)
        wait_for_hub(running)


KEEP = """
import sqlite3
connection = sqlite3.connect("/srv/jupyterhub/jupyterhub.sqlite")
connection.execute("VACUUM INTO '/srv/jupyterhub/kept.sqlite'")
"""


def put_database(running: RunningInstance, name: str) -> None:
    """Put a file in the place of the hub's database; what belongs to the other one goes."""
    script = "cd /srv/jupyterhub; rm -f jupyterhub.sqlite-wal jupyterhub.sqlite-shm; mv $1 jupyterhub.sqlite"
    running.hub("sh", "-c", script, "sh", name)


def wait_for_hub(running: RunningInstance) -> None:
    """Wait until the hub answers."""
    wait_for(running.hub_answers, "the hub answers")
