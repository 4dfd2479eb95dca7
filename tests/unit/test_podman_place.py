"""Which podman is meant, and how ssh reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brics_envs.errors import ConfigError, EnvsError
from brics_envs.plan.podman_place import Place, place_of, ssh_arguments

HOST, DOCKER = "unix:///run/one.sock", "unix:///run/other.sock"
MACHINE: dict[str, Any] = {
    "Name": "podman-machine-default",
    "URI": "ssh://core@127.0.0.1:52345/run/user/501/podman/podman.sock",
    "Identity": "/home/me/.ssh/machine",
    "IsMachine": True,
    "Default": True,
}
FAR: dict[str, Any] = {
    "Name": "far",
    "URI": "ssh://me@far.example.org/p.sock",
    "Identity": "",
    "Default": False,
}
NO_CONNECTION = ("CONTAINER_CONNECTION", "")


def place(environment: Mapping[str, str], *, on_linux: bool = True) -> Place:
    return place_of(environment, lambda: [FAR, MACHINE], on_linux=on_linux)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Place()),
        ({"CONTAINER_HOST": "", "DOCKER_HOST": "", "CONTAINER_CONNECTION": ""}, Place()),
        ({"CONTAINER_HOST": HOST}, Place(HOST)),
        ({"CONTAINER_HOST": HOST, "CONTAINER_SSHKEY": "/key"}, Place(HOST, "/key")),
        ({"CONTAINER_HOST": HOST, "DOCKER_HOST": DOCKER}, Place(HOST)),
        ({"CONTAINER_HOST": HOST, "CONTAINER_CONNECTION": "far"}, Place(HOST, variables=(NO_CONNECTION,))),
        ({"DOCKER_HOST": DOCKER}, Place(DOCKER, variables=(("CONTAINER_HOST", DOCKER),))),
        (
            {"DOCKER_HOST": DOCKER, "CONTAINER_CONNECTION": "far"},
            Place(DOCKER, variables=(("CONTAINER_HOST", DOCKER), NO_CONNECTION)),
        ),
        ({"CONTAINER_CONNECTION": "far"}, Place(FAR["URI"])),
    ],
)
def test_the_first_that_is_named_decides(environment: Mapping[str, str], expected: Place) -> None:
    assert place(environment) == expected


def test_without_linux_it_is_the_default_connection() -> None:
    assert place({}, on_linux=False) == Place(MACHINE["URI"], MACHINE["Identity"], is_machine=True)
    assert place({"CONTAINER_HOST": HOST}, on_linux=False) == Place(HOST)
    with pytest.raises(EnvsError, match="no default connection") as caught:
        place_of({}, lambda: [FAR], on_linux=False)
    assert "podman machine start" in caught.value.hint


def test_an_unknown_connection_is_refused() -> None:
    with pytest.raises(ConfigError, match="no connection 'farther'"):
        place({"CONTAINER_CONNECTION": "farther"})


@pytest.mark.parametrize(
    "own", ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375", "ssh://me@h"]
)
def test_dockers_variable_may_decide(own: str) -> None:
    assert place({"DOCKER_HOST": own}).uri == own


@pytest.mark.parametrize("dockers", ["tcp://192.0.2.1:2375", "npipe:////./pipe/docker", "fd://", "elsewhere"])
def test_what_only_docker_has_decides_nothing(dockers: str) -> None:
    assert place({"DOCKER_HOST": dockers}) == Place()


def test_ssh_gets_port_and_key_of_the_connection() -> None:
    machine = ssh_arguments(place({}, on_linux=False))
    assert machine[-6:] == ["-i", "/home/me/.ssh/machine", "-p", "52345", "--", "core@127.0.0.1"]
    assert "-oStrictHostKeyChecking=no" in machine
    far = ssh_arguments(place({"CONTAINER_CONNECTION": "far"}))
    assert far[-2:] == ["--", "me@far.example.org"]
    assert "-oStrictHostKeyChecking=accept-new" in far
    assert "-i" not in far
