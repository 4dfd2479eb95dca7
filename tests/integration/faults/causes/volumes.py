"""The volumes are full, or those of an older version."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.scene import ACCOUNT, SECOND_USER, Scene
from tests.support.older_version import make_older
from tests.support.waiting import wait_for

HUB = "jupyterhub_root"
SIZE = "64m"
"""Of the file system that the hub's volume gets for a while: what is in it, and little more."""

FILL = "/srv/jupyterhub/fill"
FILE = f"/home/project1/{ACCOUNT}/kept"


@contextmanager
def full(scene: Scene) -> Iterator[None]:
    """There is no space in the hub's volume; when there is some, the hub goes on without a restart."""
    with _small(scene):
        filled = scene.real.run("jupyterhub", "sh", "-c", f"cat /dev/zero >{FILL}")
        assert "No space left on device" in filled.stderr, filled
        try:
            yield
        finally:
            scene.real.hub("rm", FILL)
        assert scene.client.signed_in
        assert scene.real.client(SECOND_USER).signed_in


@contextmanager
def _small(scene: Scene) -> Iterator[None]:
    """Have the hub's volume in a small file system of its own, with what is in it: nothing else can be filled."""
    volume = scene.podman("volume", "inspect", scene.real.instance.named(HUB), "--format={{.Mountpoint}}")
    archive = f"{scene.real.root}/hub-volume.tar"
    # Rootless, podman's mounts are in a namespace of its own.
    outside = ["podman", "unshare"] if os.geteuid() else []

    def run(*command: str) -> None:
        subprocess.run([*outside, *command], check=True, capture_output=True)

    def pack() -> None:
        run("tar", "--create", f"--file={archive}", f"--directory={volume}", "--numeric-owner", ".")

    def unpack() -> None:
        run(
            "tar",
            "--extract",
            f"--file={archive}",
            f"--directory={volume}",
            "--numeric-owner",
            "--preserve-permissions",
        )

    with _hub_stopped(scene):
        pack()
        run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "small", volume)
        unpack()
    try:
        yield
    finally:
        with _hub_stopped(scene):
            pack()
            run("umount", volume)
            unpack()
            run("rm", archive)


@contextmanager
def _hub_stopped(scene: Scene) -> Iterator[None]:
    """Keep the hub's container stopped while the ``with`` block lasts."""
    name = scene.real.instance.container("jupyterhub")
    scene.podman("stop", "--time=20", name)
    yield
    scene.podman("start", name)
    wait_for(scene.real.hub_answers, "the hub answers")


@contextmanager
def older(scene: Scene) -> Iterator[None]:
    """Pod and volumes are as an older version left them, with its labels. This version's `up` is called."""
    real = scene.real
    real.slurm("sh", "-c", f"echo kept >{FILE}")
    make_older(real.instance, real.directory, scene.podman)
    wait_for(real.hub_answers, "the older version's hub answers")
    scene.up()
    assert real.slurm("cat", FILE) == "kept\n"
    yield
