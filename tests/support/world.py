"""A copy of the checkout and a podman with a storage of its own, for tests that must harm nobody's instances.

The storage reads images, but nothing else, from the one that podman has otherwise: what is built there already need
not be built again, and nothing that a test does can change it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from brics_envs.effects import podman as podman_effects
from brics_envs.effects.process import Completed
from brics_envs.plan.names import Instance
from tests.support.checkout import copy_project
from tests.support.commands import invoke, ok, run_podman
from tests.support.hub_client import HubClient

LARGE = "/var/tmp"  # noqa: S108 - mkdtemp makes a private directory there
DEADLINE_S = 900.0
"""For any one command; generous, for a small machine that does other things too."""


@dataclass(frozen=True)
class Things:
    """What podman has and what files there are: to compare before and after.

    :param files: path → mode, size, and time of the last change in nanoseconds (0 for directories).
    """

    pods: frozenset[str]
    containers: frozenset[str]
    volumes: frozenset[str]
    secrets: frozenset[str]
    networks: frozenset[str]
    images: frozenset[str]
    files: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True)
class World:
    """``root``: the copy of the checkout; ``environment``: what makes podman use its own storage.

    ``enter``: a command that runs what its further arguments name where another user is, with ``root``'s own .venv.
    """

    root: Path
    environment: Mapping[str, str] = field(repr=False)
    enter: tuple[str, ...] = ()

    def invoke(
        self,
        *args: str,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = DEADLINE_S,
    ) -> Completed:
        """Run ``invoke ARGS`` in the copy, as a user would."""
        whole = {**self.environment, **(environment or {})}
        python = [*self.enter, str(self.root / ".venv/bin/python")] if self.enter else [sys.executable]
        return invoke(*args, timeout_s=timeout_s, cwd=cwd or self.root, environment=whole, python=python)

    def podman(self, *args: str, check: bool = True) -> str:
        """What ``podman ARGS`` prints."""
        return self.run("podman", *args, check=check)

    def run(self, *command: str, check: bool = True) -> str:
        """What a command prints."""
        done = run_podman([*self.enter, *command], self.environment, DEADLINE_S)
        assert not check or done.status == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout.strip()

    def things(self) -> Things:
        """What there is now. Python's caches of compiled modules do not count."""
        return Things(
            pods=self._lines("pod", "ps", "--format={{.Name}} {{.Id}}"),
            containers=self._lines("ps", "--all", "--format={{.Names}} {{.ID}}"),
            volumes=self._lines("volume", "ls", "--format={{.Name}}"),
            secrets=self._lines("secret", "ls", "--format={{.Name}}"),
            networks=self._lines("network", "ls", "--format={{.Name}}"),
            images=self._lines("images", "--format={{.Repository}}:{{.Tag}} {{.Id}}"),
            files=dict(self._files()),
        )

    def write(self, file: str, text: str) -> None:
        """Write a file of the copy."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a file of the copy."""
        text = (self.root / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        self.write(file, text.replace(old, new))

    def copied(self, target: Path) -> World:
        """The same podman with a further copy of the checkout."""
        copy_project(target)
        return World(target, self.environment)

    def _lines(self, *args: str) -> frozenset[str]:
        return frozenset(self.podman(*args).splitlines())

    def _files(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for path in self.root.rglob("*"):
            if "__pycache__" not in path.parts:
                found = path.lstat()
                changed = 0 if path.is_dir() else found.st_mtime_ns
                yield str(path.relative_to(self.root)), (found.st_mode, found.st_size, changed)


@dataclass(frozen=True)
class One:
    """An instance in a world; ``password`` is that of its settings, if they have one."""

    world: World
    instance: Instance
    port: int
    environment: str = "dev_dummyauth"
    password: str = field(default="", repr=False)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `up` that name it."""
        return ("--env", self.environment, *self.option, "--port", str(self.port))

    @property
    def option(self) -> tuple[str, str]:
        """The option of other commands that names it."""
        return ("--instance", self.instance.name)

    @property
    def directory(self) -> Path:
        """Its generated files."""
        return self.instance.directory(self.world.root)

    @property
    def url(self) -> str:
        """JupyterHub's address."""
        return f"http://127.0.0.1:{self.port}/jupyter/"

    def up(self, *more: str) -> Completed:
        """Bring it up, or apply what has changed."""
        return ok(self.world.invoke("up", *self.options, *more))

    def down(self, *more: str) -> Completed:
        """Take it down."""
        return ok(self.world.invoke("down", *self.option, *more))

    def client(self, user: str = "testuser") -> HubClient:
        """A new browser session of a user who has signed in."""
        client = HubClient(self.url)
        client.sign_in(user, self.password or (self.directory / "password").read_text())
        assert client.signed_in, f"{user} cannot sign in"
        return client

    def run(self, container: str, *command: str) -> str:
        """What a command prints in a container."""
        return self.world.podman("exec", self.instance.container(container), *command)

    def container_ids(self) -> frozenset[str]:
        """The IDs of its containers, the infrastructure's included."""
        found = self.world.podman("ps", "--all", f"--filter=pod={self.instance.pod}", "--format={{.ID}}")
        return frozenset(found.split())

    def jobs(self) -> list[str]:
        """The IDs of Slurm's jobs that are not over."""
        return self.run("slurm", "squeue", "--noheader", "--format=%i").split()


@contextmanager
def world(*, with_images: bool, name: str = "lc") -> Iterator[World]:
    """A world; everything in it is removed in the end.

    :param with_images: whether it sees the images of podman's own storage.
    """
    # Not below pytest's own directory: /tmp may be small, or in memory, and sockets' paths must be short.
    place = Path(tempfile.mkdtemp(prefix=f"brics-{name}.", dir=os.environ.get("TMPDIR", LARGE)))
    stores = [_graph_root()] if with_images else []
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n'
        f"[storage.options]\nadditionalimagestores = {stores}\n"
    )
    # Locks in files: those in shared memory belong to every podman of this user.
    (place / "containers.conf").write_text(
        f'[engine]\nlock_type = "file"\ntmp_dir = "{place}/libpod"\n'
        f'[network]\nnetwork_config_dir = "{place}/networks"\n'
    )
    (place / "tmp").mkdir()
    elsewhere = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF_OVERRIDE", "DOCKER_HOST")
    environment = {key: value for key, value in os.environ.items() if key not in elsewhere} | {
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "TMPDIR": str(place / "tmp"),
        "XDG_STATE_HOME": str(place / "state"),
        **podman_effects.environment(),
    }
    found = World(place / "checkout", environment)
    try:
        copy_project(found.root)
        yield found
    finally:
        _remove(found, place)


def _remove(found: World, place: Path) -> None:
    """Remove a world: pods, containers, those of interrupted builds, and the storage with what is mounted in it."""
    found.podman("pod", "rm", "--all", "--force", "--time=0", check=False)
    containers = found.podman("ps", "--all", "--external", "--quiet", check=False).split()
    if containers:
        found.podman("rm", "--force", "--time=0", *containers, check=False)
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{place}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
    # Rootless, there are files of other users.
    unshare = ["podman", "unshare"] if os.geteuid() else []
    subprocess.run([*unshare, "rm", "-rf", place], env=dict(found.environment), capture_output=True)


def _graph_root() -> str:
    shown = subprocess.run(
        ["podman", "info", "--format={{.Store.GraphRoot}}"],
        env={**os.environ, **podman_effects.environment()},
        check=True,
        capture_output=True,
        text=True,
    )
    return shown.stdout.strip()
