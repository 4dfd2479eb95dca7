"""A small environment with real clones, builds, volume and pod, for ``invoke --search-root tests/support -c NAME``.

Made of the same parts as ``invoke up`` and ``invoke down``, and quick, so that it can be interrupted many times. The
working directory is a copy of the checkout with a folder ``small``: the repositories to clone and a Containerfile.
"""

from brics_envs.cli import command  # first: from here on it takes care of signals

# isort: split
import time
import uuid
from pathlib import Path

import yaml
from invoke.context import Context
from invoke.tasks import task

from brics_envs.config.repos import REPOSITORIES, parse_choices
from brics_envs.effects import images, interrupts
from brics_envs.effects.at_once import at_once
from brics_envs.effects.files import locked, write_private
from brics_envs.effects.podman import podman
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.repositories import decide_repositories, fetch_repositories
from brics_envs.plan.images import Build
from brics_envs.plan.steps import Step
from brics_envs.plan.volumes import VOLUMES, volume_tar

BASE = "localhost/brics_debian:trixie"
NAME = "small"
NUMBERS = ("one", "two")
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": NAME},
    "spec": {
        "containers": [
            {
                "name": "only",
                "image": BASE,
                "command": ["sleep", "86400"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": NAME}}],
    },
}


REMOVE_POD = Step("remove pod", ("pod", "rm", "--force", "--ignore", "--time=0", NAME), tries=3)
"""As `up` and `down` do it: a container whose network was only half made goes at the second try."""


def image(number: str) -> Build:
    """An image that is never in the cache."""
    folder = Path(NAME).absolute()
    return Build(
        tag=f"localhost/brics_small_{number}:latest",
        base="",
        containerfile=folder / "Containerfile",
        context=folder / "context",
        contexts=(),
        target=None,
        args=(("NUMBER", f"{number} {uuid.uuid4()}"),),
        files=(),
    )


@task
@command
def up(c: Context) -> None:
    """Clone, build, import, play, wait."""
    root = Path.cwd()
    directory = root / "_build" / NAME
    with locked(directory / "lock", 10):
        urls = [f"{name}=file://{root}/{NAME}/{name}" for name in REPOSITORIES]
        decisions, _ = decide_repositories(root, parse_choices(urls, root), {}, True)
        fetch_repositories(decisions, directory, print)
        base = images.image_id(BASE)
        with images.building() as volumes:
            at_once(
                lambda number: images.build(
                    image(number),
                    base_id=base,
                    recipe="0",
                    digest="0",
                    revision="",
                    rebuild=False,
                    volumes=volumes,
                    report=print,
                ),
                NUMBERS,
            )
        write_private(directory / "password", b"secret")
        podman("network", "create", "--ignore", NAME)
        podman("volume", "create", "--ignore", NAME)
        podman("volume", "import", NAME, "-", stdin=volume_tar(VOLUMES["slurm_root"]))
        apply([REMOVE_POD])
        write_private(directory / "pod.yaml", yaml.safe_dump(POD).encode())
        podman("kube", "play", "--network", NAME, str(directory / "pod.yaml"))
        end = time.monotonic() + 30
        while podman("inspect", f"{NAME}-only", "--format={{.State.Status}}").stdout.strip() != "running":
            assert time.monotonic() < end
            interrupts.sleep(0.2)


@task
@command
def down(c: Context) -> None:
    """Remove what `up` has made."""
    with locked(Path.cwd() / "_build" / NAME / "lock", 10):
        apply([REMOVE_POD])
        podman("volume", "rm", "--force", NAME)
        podman("network", "rm", "--force", NAME)
        for number in NUMBERS:
            podman("rmi", "--force", "--ignore", image(number).tag)
