"""What fails while it is being done: exit status 1, what failed, what to do, no traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.effects.process import Completed
from brics_envs.errors import FAILED
from tests.support.commands import ok
from tests.support.git_repositories import make_package
from tests.support.ports import free_port
from tests.support.world import World, world

UP = ("up", "--env", "dev_dummyauth", "--instance", "lc-fail", "--port", str(free_port()))


def failed(done: Completed, *words: str) -> None:
    assert done.status == FAILED, done
    assert "Traceback" not in done.stderr
    assert "\nerror: " in f"\n{done.stderr}"
    for word in words:
        assert word in done.stderr, f"{word!r} is not in:\n{done.stderr}"


@pytest.fixture
def unchanged(shared_world: World) -> Iterator[World]:
    """The world, in which a test may create nothing."""
    before = shared_world.things()
    yield shared_world
    assert shared_world.things() == before


def test_port_is_taken(unchanged: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        failed(unchanged.invoke(*UP[:-1], port), f"port {port}", "taken", "hint: ", "--port")


@pytest.mark.parametrize("command", ["up --env dev_dummyauth", "down", "status", "logs", "clean"])
def test_podman_is_missing(unchanged: World, tmp_path: Path, command: str) -> None:
    (tmp_path / "git").symlink_to(shutil.which("git") or "")
    done = unchanged.invoke(*command.split(), environment={"PATH": str(tmp_path)})
    failed(done, "podman is not installed", "4.9", "hint: ", "./bootstrap")


@pytest.mark.parametrize("command", ["up --env dev_dummyauth", "down", "status", "logs", "clean"])
def test_podman_is_too_old(unchanged: World, tmp_path: Path, command: str) -> None:
    stand_in(tmp_path / "podman", 'echo "podman version 4.3.1"')
    done = unchanged.invoke(*command.split(), environment={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    failed(done, "4.3.1", "too old", "4.9", "hint: ", "./bootstrap")


def test_podman_says_nothing(unchanged: World, tmp_path: Path) -> None:
    stand_in(tmp_path / "podman", "exit 125")
    failed(unchanged.invoke(*UP, environment={"PATH": f"{tmp_path}:/usr/bin:/bin"}), "podman --version")


def stand_in(program: Path, line: str) -> None:
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("logs --instance lc-none", ("lc-none is not up", "invoke status")),
        ("shell --container slurm --instance lc-none", ("lc-none is not up",)),
        ("volume-export lc-none", ("no volume lc-none", "podman volume ls")),
    ],
)
def test_nothing_to_look_at(unchanged: World, command: str, words: tuple[str, ...]) -> None:
    failed(unchanged.invoke(*command.split()), *words)


def test_repository_cannot_be_reached(shared_world: World) -> None:
    url = f"git://127.0.0.1:{free_port()}/nosuch"
    failed(shared_world.invoke(*UP, "--repo", f"bricsauthenticator={url}"), url, "cannot be cloned", "hint: ")
    nothing_is_left(shared_world)


def test_ref_does_not_exist(shared_world: World, tmp_path: Path) -> None:
    url = f"file://{make_package(tmp_path / 'package')}@v9"
    failed(shared_world.invoke(*UP, "--repo", f"bricsauthenticator={url}"), "v9", "hint: ", "REF")
    nothing_is_left(shared_world)


def nothing_is_left(made: World) -> None:
    """No half clone; and `down` removes what else there is."""
    assert {path.name for path in (made.root / "_dev_build_data").glob("*")} <= {".bricsauthenticator.lock"}
    done = ok(made.invoke("down", "--instance", "lc-fail"))
    assert "lc-fail" in done.stdout
    assert not made.things().pods


def test_step_of_a_containerfile_fails(shared_world: World, tmp_path: Path) -> None:
    broken = shared_world.copied(tmp_path / "checkout")
    step = "RUN echo what it says before it fails && exit 7\n"
    broken.replace(
        "build/Containerfile.jupyterhub", "FROM stage-base AS builder", f"{step}FROM stage-base AS builder"
    )
    done = broken.invoke("build", "--env", "dev_dummyauth", "--instance", "lc-fail")
    failed(
        done, "podman build", "what it says before it fails", "exit 7", "hint: ", "Containerfile.jupyterhub"
    )
    assert "brics_jupyterhub:dev-lc-fail" not in " ".join(shared_world.things().images)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "small"
    place.mkdir()
    as_root = ["sudo", "-n"] if os.geteuid() else []
    options = f"size=24m,mode=0700,uid={os.geteuid()},gid={os.getegid()}"
    mount = [*as_root, "mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True)
    assert done.returncode == 0, f"mounting a small file system takes root or sudo: {done.stderr}"
    yield place
    subprocess.run([*as_root, "umount", "-l", place], check=True)


def test_disk_of_the_containers_is_full(small_disk: Path, tmp_path: Path) -> None:
    with world(with_images=True) as made:
        storage = tmp_path / "storage.conf"
        text = Path(made.environment["CONTAINERS_STORAGE_CONF"]).read_text()
        graph = next(line for line in text.splitlines() if line.startswith("graphroot"))
        storage.write_text(text.replace(graph, f'graphroot = "{small_disk}/graph"'))
        small = World(made.root, {**made.environment, "CONTAINERS_STORAGE_CONF": str(storage)})
        filler = small_disk / "filler"
        filler.write_bytes(bytes(16_000_000))
        # More than the rest of the disk holds, in a dev repository.
        (small.root / "packages/bricsauthenticator/big").write_bytes(os.urandom(12_000_000))
        try:
            done = small.invoke(*UP, "--repo", "bricsauthenticator=builtin")
            failed(done, "no space left on device", "hint: ", "invoke clean")
            filler.unlink()
            ok(small.invoke("down", "--instance", "lc-fail"))
        finally:
            subprocess.run(["umount", small_disk / "graph/overlay"], capture_output=True)


def test_disk_of_the_checkout_is_full(shared_world: World, small_disk: Path) -> None:
    build = shared_world.root / "_build"
    build.symlink_to(small_disk)
    try:
        (small_disk / "filler").write_bytes(bytes(24 * 1024 * 1024 - 64 * 1024))
        failed(shared_world.invoke(*UP), "o space left on device", "hint: ")
    finally:
        build.unlink()
