"""The life cycle with a podman elsewhere, behind its socket: neither the checkout nor our files are seen there."""

from __future__ import annotations

import dataclasses
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brics_envs.effects import podman as effects
from brics_envs.errors import BAD_INPUT
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import Measured, ok, timed
from tests.support.ordinary_user import OrdinaryUser, ordinary_user, signed_in
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S
from tests.support.waiting import wait_for
from tests.support.world import One, World

pytestmark = [pytest.mark.full, pytest.mark.timeout(3 * UP_DEADLINE_S, func_only=True)]
NAME = "slurmspawner_wrappers"


@contextmanager
def service(there: World, socket: Path, settings: Path) -> Iterator[None]:
    """podman's service as its owner has it."""
    names = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    limits = {name: resource.getrlimit(limit)[1] for name, limit in names.items()}
    listed = ", ".join(f'"{name}={value}:{value}"' for name, value in limits.items())
    before = effects.environment().get("CONTAINERS_CONF_OVERRIDE", os.environ.get("CONTAINERS_CONF_OVERRIDE"))
    # As its administrator would: no container of a build gets more than the service itself may have.
    settings.write_text(
        f"{Path(before).read_text() if before else ''}\n[containers]\ndefault_ulimits = [{listed}]\n"
    )
    settings.chmod(0o644)
    environment = {**there.environment, **effects.environment(), "CONTAINERS_CONF_OVERRIDE": str(settings)}
    command = [*there.enter, "podman", "system", "service", "--time=0", f"unix://{socket}"]
    started = subprocess.Popen(command, env=environment)
    try:
        wait_for(lambda: socket.exists() or started.poll() is not None, "podman's socket")
        assert started.poll() is None
        # Its owner lets others in.
        socket.chmod(0o666)
        yield
    finally:
        started.terminate()
        started.wait(20)


def client_of(socket: Path, here: World) -> World:
    """The same with the podman behind a socket."""
    return dataclasses.replace(here, environment={**here.environment, "CONTAINER_HOST": f"unix://{socket}"})


def life_cycle(far: One, place: Path) -> None:
    """Bring an instance up with a package that is edited, use it, read its logs and a volume.

    :param place: a directory of the client's that podman does not see.
    """
    package, world = place / NAME, far.world
    module = package / "src/slurmspawner_wrappers/__init__.py"

    def up(*options: str) -> str:
        done = ok(world.invoke("up", *far.options, "--yes", *options, timeout_s=UP_DEADLINE_S))
        return done.stdout + done.stderr

    asked = ("--live", f"--repo={NAME}={package}")
    before = held(world)
    refused = world.invoke("up", *far.options, *asked)
    assert refused.status == BAD_INPUT
    assert f"does not share {package}" in refused.stderr
    assert "podman machine" in refused.stderr
    assert held(world) == before
    assert not (far.directory / "sources.json").exists()

    for mark, options in (("first", [f"--repo={NAME}={package}"]), ("second", [])):
        with module.open("a") as file:
            file.write(f"# {mark} edit\n")
        assert f"{NAME}, editable" in up(*options), "it is built there"
        assert f"# {mark} edit" in far.run("slurm", "cat", f"/opt/src/{NAME}/{module.relative_to(package)}")
    assert "nothing to do" in ok(world.invoke("up", *far.options, "--dry-run")).stdout

    use(far)
    assert "JupyterHub" in ok(world.invoke("logs", *far.option)).stdout
    copy = place / "copy"
    ok(world.invoke("volume-export", far.instance.named("jupyterhub_root"), "--to", str(copy)))
    assert (copy / "srv/jupyterhub/jupyterhub.sqlite").stat().st_size > 0


def held(world: World) -> tuple[str, str]:
    """The images and containers that podman has."""
    return world.podman("images", "--all", "--quiet"), world.podman("ps", "--all", "--quiet")


def use(one: One) -> None:
    """Run a notebook."""
    browser = one.client()
    browser.start()
    assert browser.run("print(6 * 7)") == "42\n"
    browser.stop()


def take_down(one: One) -> None:
    """Take an instance down; nothing of it is left."""
    one.down()
    for kind in (
        ("pod", "ps", "--format={{.Name}}"),
        ("volume", "ls", "--quiet"),
        ("secret", "ls", "--quiet"),
    ):
        left = one.world.podman(*kind).split()
        assert not [name for name in left if name.endswith(one.instance.name)]


def up_and_down(one: One) -> None:
    """Bring an instance up, use it, and take it down."""
    ok(one.world.invoke("up", *one.options, timeout_s=UP_DEADLINE_S))
    use(one)
    take_down(one)


@contextmanager
def instance(world: World, name: str) -> Iterator[One]:
    """An instance of that name, which is taken down in the end."""
    found = One(world, Instance(name), free_port())
    try:
        yield found
    finally:
        world.invoke("down", *found.option)


def package_of(place: Path) -> None:
    """Put a package there."""
    shutil.copytree(PROJECT / "packages" / NAME, place / NAME)


def test_life_cycle_with_podman_elsewhere(tmp_path: Path) -> None:
    own, shared, socket = tmp_path / "client", tmp_path / "shared", tmp_path / "podman.sock"
    for place in (own, shared):
        package_of(place)
    # There is another package where ours is.
    hide = f"""
    mount -t tmpfs none '{own}'
    cp -r '{PROJECT}/packages/{NAME}' '{own}'
    mount -t tmpfs none '{PROJECT}'
    """
    enter = ("unshare", "--mount", "--propagation=private", "sh", "-euc", f'{hide}\nexec "$@"', "sh")
    there, here = World(PROJECT, os.environ, enter), World(PROJECT, {**os.environ, "TMPDIR": str(own)})
    assert not there.run("ls", "-A", str(PROJECT))
    assert there.run("ls", "-A", str(own)) == NAME
    with (
        service(there, socket, tmp_path / "containers.conf"),
        instance(client_of(socket, here), "far") as far,
    ):
        assert shows(far.world, shared / NAME)
        assert not shows(far.world, own / NAME)
        life_cycle(far, own)
        take_down(far)


def shows(world: World, directory: Path) -> bool:
    """Whether podman's machine is believed to share a directory."""
    code = (
        "import pathlib, sys; from brics_envs.effects.shared_directory import shows; "
        "path = pathlib.Path(sys.argv[1]); sys.exit(not shows(path, path / 'pyproject.toml'))"
    )
    command = [sys.executable, "-c", code, str(directory)]
    return subprocess.run(command, cwd=PROJECT, env=dict(world.environment)).returncode == 0


@pytest.fixture
def client() -> Iterator[OrdinaryUser]:
    """Whoever works with the podman of another user."""
    with ordinary_user("client") as user:
        package_of(user.home)
        user.owns(user.home / NAME)
        yield user


@pytest.fixture
def owner() -> Iterator[OrdinaryUser]:
    """Whose podman it is: rootless."""
    with ordinary_user("podman") as user:
        yield user


def test_life_cycle_with_the_rootless_podman_of_another_user_and_then_with_ones_own(
    client: OrdinaryUser, owner: OrdinaryUser, measured: Measured
) -> None:
    socket = owner.home / "podman.sock"
    with signed_in(owner, [PROJECT, client.home]) as there, signed_in(client) as here:
        with (
            service(there, socket, owner.home / "containers.conf"),
            instance(client_of(socket, here), "far") as far,
        ):
            assert far.world.podman("info", "--format={{.Host.Security.Rootless}}") == "true"
            _, seconds = timed(lambda: life_cycle(far, client.home))
            measured("life cycle with another user's rootless podman", seconds)
            take_down(far)
        with instance(there, "near") as near:
            _, seconds = timed(lambda: up_and_down(near))
            measured("up, notebook and down with one's own rootless podman", seconds)
