"""Base images of a registry: pulled where there is one, and found out quickly where there is none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.errors import FAILED
from tests.support.commands import ok, timed
from tests.support.image_registry import Registry, redirected, reference, registry
from tests.support.ports import free_port
from tests.support.world import World, world

ENVIRONMENT = ("build", "--env", "dev_dummyauth")
BUILD = (*ENVIRONMENT, "--instance", "lc-reg")
REFERENCES = (reference("jupyterhub"), reference("slurm"))
SECONDS = 30
"""Generous: a registry is given 10 seconds at most to answer."""


@pytest.fixture(scope="module")
def local_bases(own_world: World) -> World:
    """A world that has the local equivalents of the registry's images."""
    ok(own_world.invoke(*BUILD, "--base", "local"))
    return own_world


@pytest.fixture(scope="module")
def filled(local_bases: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that has them too, under the names of the registry's own."""
    with registry(tmp_path_factory.mktemp("registry")) as running:
        running.push(local_bases)
        yield running


def test_auto_without_a_registry(local_bases: World, tmp_path: Path) -> None:
    alone = redirected(local_bases, f"127.0.0.1:{free_port()}", tmp_path)
    done, seconds = timed(lambda: ok(alone.invoke(*ENVIRONMENT, "--instance", "lc-alone")))
    (line,) = [line for line in done.stderr.splitlines() if REFERENCES[0] in line]
    assert REFERENCES[1] in line
    assert "using local equivalents" in line
    assert seconds < SECONDS


def test_auto_with_a_registry_that_never_answers(local_bases: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        alone = redirected(local_bases, f"127.0.0.1:{silent.getsockname()[1]}", tmp_path)
        done, seconds = timed(lambda: ok(alone.invoke(*ENVIRONMENT, "--instance", "lc-silent")))
    assert "using local equivalents" in done.stderr
    assert "no answer within" in done.stderr
    assert seconds < SECONDS


def test_registry_is_asked_for_and_there_is_none(local_bases: World, tmp_path: Path) -> None:
    alone = redirected(local_bases, f"127.0.0.1:{free_port()}", tmp_path)
    done, seconds = timed(lambda: alone.invoke(*BUILD, "--base", "registry"))
    assert done.status == FAILED
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert any(image in done.stderr for image in REFERENCES)
    assert "--base local" in done.stderr
    assert seconds < SECONDS


def test_auto_keeps_to_local_bases_when_a_registry_comes_within_reach(
    local_bases: World, filled: Registry, tmp_path: Path
) -> None:
    keep = (*ENVIRONMENT, "--instance", "lc-keep")
    first = ok(redirected(local_bases, f"127.0.0.1:{free_port()}", tmp_path).invoke(*keep))
    connected, requests = redirected(local_bases, filled.address, tmp_path), filled.requests()
    again = ok(connected.invoke(*keep))
    assert "base images: jupyterhub local, slurm local" in again.stderr
    assert again.stdout == first.stdout
    assert filled.requests() == requests, "the registry was asked"

    done = ok(connected.invoke(*keep, "--base", "registry"))
    assert "base image of jupyterhub: local → registry" in done.stderr
    assert "base images: jupyterhub registry, slurm registry" in ok(connected.invoke(*keep)).stderr


def test_registry_is_asked_for(local_bases: World, filled: Registry, tmp_path: Path) -> None:
    connected = redirected(local_bases, filled.address, tmp_path)
    before = images_of(connected)
    done = ok(connected.invoke(*BUILD, "--base", "registry"))
    assert "local equivalents" not in done.stderr
    assert images_of(connected) >= {*before, *REFERENCES}
    assert all(filled.pulled(image) for image in REFERENCES)


def test_auto_pulls_into_an_empty_storage(filled: Registry, tmp_path: Path) -> None:
    """From the registry alone: what is built on its images is built anew."""
    with world(with_images=False, name="reg") as empty:
        connected = redirected(empty, filled.address, tmp_path)
        done = ok(connected.invoke(*BUILD))
        assert "local equivalents" not in done.stderr
        names = images_of(connected)
        assert names >= {
            *REFERENCES,
            "localhost/brics_jupyterhub:dev-lc-reg",
            "localhost/brics_slurm:dev-lc-reg",
        }
        assert not [name for name in names if "_base:" in name or "brics_debian" in name]
        for image, command in (
            ("localhost/brics_jupyterhub:dev-lc-reg", "jupyterhub --version"),
            ("localhost/brics_slurm:dev-lc-reg", "slurmctld -V"),
        ):
            options = ("--rm", "--network=none", "--entrypoint=/bin/sh", image)
            assert connected.podman("run", *options, "-c", command)

        # They are there now: no registry is needed any more.
        alone = redirected(empty, f"127.0.0.1:{free_port()}", tmp_path)
        again = ok(alone.invoke(*BUILD))
        assert again.stdout == done.stdout
        assert "local equivalents" not in again.stderr


def images_of(own: World) -> set[str]:
    return {image.split()[0] for image in own.things().images}


@pytest.fixture(scope="module")
def hub_alone(local_bases: World, filled: Registry, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A checkout whose environment needs JupyterHub's image and no other, with a registry in reach."""
    own = local_bases.copied(tmp_path_factory.mktemp("hub") / "checkout")
    own.write(
        "config/dev_dummyauth_extslurm/deploy.local.yaml",
        "sshHostname: 192.0.2.10\nhubConnectUrl: http://192.0.2.11:8081\n",
    )
    return redirected(own, filled.address, tmp_path_factory.mktemp("redirected"))


HUB = ("build", "--env", "dev_dummyauth_extslurm", "--base", "registry", "--instance")


def test_an_image_moves_when_it_is_asked_to_and_not_before(hub_alone: World, filled: Registry) -> None:
    before = ok(hub_alone.invoke(*HUB, "lc-still")).stdout
    first = filled.digest("jupyterhub")
    filled.push_another(hub_alone, "jupyterhub")
    assert filled.digest("jupyterhub") != first

    # Somebody pulls it, or makes it anew for an instance of his own: the name means another image now.
    hub_alone.podman("pull", REFERENCES[0])
    assert ok(hub_alone.invoke(*HUB, "lc-still")).stdout == before
    done = ok(hub_alone.invoke(*HUB, "lc-still", "--refresh"))
    assert done.stdout != before
    assert base_of(hub_alone, "lc-still") == hub_alone.podman(
        "image", "inspect", REFERENCES[0], "--format={{.Id}}"
    )


def test_an_image_that_is_pinned_by_its_digest(hub_alone: World, filled: Registry) -> None:
    digest = filled.digest("jupyterhub")
    pinned = f"{REFERENCES[0]}@{digest}"
    hub_alone.replace("config/versions.yaml", f"jupyterhub: {REFERENCES[0]}", f"jupyterhub: {pinned}")
    ok(hub_alone.invoke(*HUB, "lc-pinned"))
    name = f"{REFERENCES[0].rpartition(':')[0]}@{digest}"
    pinned_id = hub_alone.podman("image", "inspect", name, "--format={{.Id}}")
    assert base_of(hub_alone, "lc-pinned") == pinned_id
    filled.push_another(hub_alone, "jupyterhub")
    hub_alone.podman("pull", REFERENCES[0])
    ok(hub_alone.invoke(*HUB, "lc-pinned"))
    # podman has forgotten the name by now, as the tag moved.
    assert base_of(hub_alone, "lc-pinned") == pinned_id

    hub_alone.replace("config/versions.yaml", digest, f"sha256:{'0' * 64}")
    done = hub_alone.invoke(*HUB, "lc-nowhere")
    assert done.status == FAILED
    assert f"@sha256:{'0' * 64}" in done.stderr


def base_of(own: World, instance: str) -> str:
    """The ID of what an instance's hub image is built on."""
    wanted = '--format={{index .Labels "brics.base-id"}}'
    return own.podman("image", "inspect", f"localhost/brics_jupyterhub:dev-{instance}", wanted)
