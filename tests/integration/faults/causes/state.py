"""The hub's database and users' homes are not as they should be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.causes.processes import killed, main_pid
from tests.integration.faults.fault import Cause
from tests.integration.faults.scene import SECOND_ACCOUNT, Scene
from tests.support.commands import ok

DATABASE = "/srv/jupyterhub/jupyterhub.sqlite"
HOME = f"/home/project1/{SECOND_ACCOUNT}"

LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""

DOWNGRADE = """
import subprocess, sys
from jupyterhub.dbutil import _temp_alembic_ini
with _temp_alembic_ini("sqlite:///" + sys.argv[1]) as ini:
    subprocess.run(["alembic", "-c", ini, "downgrade", "-1"], check=True)
"""


def locked(seconds: float) -> Cause:
    """Another process holds the database for so long; meanwhile the hub is used, and may say that it cannot."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        name = scene.real.instance.container("jupyterhub")
        with subprocess.Popen(
            ["podman", "exec", name, "python3", "-c", LOCK, DATABASE, str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n", "the database is not locked"
            answer = scene.client.get("/hub/home")
            assert answer.status_code in (200, 500, 503), answer.text
            yield
        assert holder.returncode == 0

    return cause


@contextmanager
def older_schema(scene: Scene) -> Iterator[None]:
    """The hub starts with the database of an older JupyterHub."""
    ok(scene.real.run("jupyterhub", "python3", "-c", DOWNGRADE, DATABASE))
    with killed("jupyterhub")(scene):
        yield


@contextmanager
def home_full(scene: Scene) -> Iterator[None]:
    """There is no space in the home of another user."""
    real = scene.real
    # The mount is the container's: from outside, since nobody in it may mount.
    unshare = ["podman", "unshare"] if os.geteuid() else []
    # With its process IDs, too: umount asks /proc/self what is mounted.
    inside = [*unshare, "nsenter", "--mount", "--pid", "--target", str(main_pid(scene, "slurm"))]
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "full", HOME]
    subprocess.run([*inside, *mount], check=True, capture_output=True)
    try:
        real.slurm(
            "sh", "-c", f"chown {SECOND_ACCOUNT} {HOME}; cat /dev/zero >{HOME}/fill 2>/dev/null || true"
        )
        yield
    finally:
        subprocess.run([*inside, "umount", "--lazy", HOME], check=True, capture_output=True)
