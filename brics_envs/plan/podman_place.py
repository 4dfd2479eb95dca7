"""Which podman is meant: this machine's own, or one behind a socket. Pure. May import: errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from brics_envs.errors import ConfigError, EnvsError

LOOPBACK = frozenset(["127.0.0.1", "::1", "localhost"])

Connections = Callable[[], Sequence[Mapping[str, Any]]]
"""Asks for what ``podman system connection list --format json`` prints."""


@dataclass(frozen=True)
class Place:
    """Where podman is.

    :param uri: of its socket; empty: this machine's own podman, for which we start a service.
    :param identity: file of ssh's key, if another than ssh's own choice.
    :param is_machine: whether it is the virtual machine of ``podman machine``.
    :param variables: what podman's commands need in their environment to talk to the same one.
    """

    uri: str = ""
    identity: str = ""
    is_machine: bool = False
    variables: tuple[tuple[str, str], ...] = ()


def place_of(environment: Mapping[str, str], connections: Connections, *, on_linux: bool) -> Place:
    """CONTAINER_HOST, else DOCKER_HOST, else podman's default connection, which is CONTAINER_CONNECTION if that is set.

    On Linux podman has no default connection of its own accord.

    :raises ConfigError: CONTAINER_CONNECTION names no connection.
    :raises EnvsError: podman is no Linux program here, and has no connection.
    """
    host, connection = environment.get("CONTAINER_HOST", ""), environment.get("CONTAINER_CONNECTION", "")
    # podman itself prefers the connection to CONTAINER_HOST, and takes an empty one for none.
    only_host = (("CONTAINER_CONNECTION", ""),) if connection else ()
    if host:
        return Place(host, environment.get("CONTAINER_SSHKEY", ""), variables=only_host)
    if names_podman(docker_host := environment.get("DOCKER_HOST", "")):
        # podman's commands do not know DOCKER_HOST.
        return Place(docker_host, variables=(("CONTAINER_HOST", docker_host), *only_host))
    if connection or not on_linux:
        return _connected(connection, connections())
    return Place()


def names_podman(docker_host: str) -> bool:
    """Whether DOCKER_HOST may decide: a socket, ssh, or TCP that stays on this machine.

    Others (TCP over a network with docker's certificates, Windows' pipes) are docker's own, not podman's.
    """
    parts = urlsplit(docker_host)
    return parts.scheme in ("unix", "ssh") or (parts.scheme == "tcp" and parts.hostname in LOOPBACK)


def ssh_arguments(place: Place) -> list[str]:
    """ssh's options and destination for a place with ``ssh://``."""
    parts = urlsplit(place.uri)
    # As podman does: a virtual machine on loopback has another key whenever it is made anew.
    known = (
        ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
        if place.is_machine
        else ["-oStrictHostKeyChecking=accept-new"]
    )
    return [
        *("-oBatchMode=yes", "-oConnectTimeout=15", "-oServerAliveInterval=15", *known),
        *(["-i", place.identity] if place.identity else []),
        *(["-p", str(parts.port)] if parts.port else []),
        "--",
        f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname or "",
    ]


def _connected(name: str, connections: Sequence[Mapping[str, Any]]) -> Place:
    wanted = [c for c in connections if (c["Name"] == name if name else c.get("Default"))]
    if not wanted and name:
        raise ConfigError(
            f"CONTAINER_CONNECTION: podman has no connection {name!r}",
            hint="`podman system connection list` lists them",
        )
    if not wanted:
        raise EnvsError(
            "podman has no default connection",
            hint="`podman machine init` and `podman machine start` make one",
        )
    one = wanted[0]
    return Place(one["URI"], one.get("Identity") or "", bool(one.get("IsMachine")))
