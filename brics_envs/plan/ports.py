"""Which ports an instance publishes; collisions are refused. Pure. May import: errors, config, plan.overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

from brics_envs.config.addresses import is_local
from brics_envs.errors import ConfigError
from brics_envs.plan.overlay import Document

LOOPBACK = "127.0.0.1"

HTTP_PORT = 80
"""Of URLs that name none."""

HUB_PROXY_PORT = 8000
"""Where the hub's own proxy listens in the pod."""

SIGN_IN_PORT = 8010
"""Where the proxy that takes tokens listens in the pod."""

ISSUER_OFFSET = 90
"""The local issuer's port is the sign-in port plus this: a second instance needs no further option."""

DEBUG_OFFSET = 91
"""Where a debugger is attached to the hub: the sign-in port plus this."""

DEBUGGER_PORT = 5678
"""Where the hub's debugger listens in the pod (k8s/debugger)."""

LAST_PORT = 65535
ISSUER = "issuer"
"""The name of the issuer's port in the manifest."""

SLURMD_PORTS = range(6818, 8000)
"""Kept for slurmds, one each."""

SLURMDBD_PORT = 6834
"""That of Slurm's accounting, after those of the most nodes that there can be."""


class Endpoint(NamedTuple):
    """An address and a TCP port of this machine."""

    address: str
    port: int


@dataclass(frozen=True)
class Ports:
    """What is published under which port, on 127.0.0.1 but for the last; None: not published.

    ``http`` is what users open; ``issuer`` the local issuer; ``direct`` where the proxy takes tokens instead of signing
    users in itself; ``hub_api`` where jobs elsewhere reach the hub; ``debug`` where a debugger is attached to the hub.
    """

    http: int | None
    issuer: int | None = None
    direct: int | None = None
    hub_api: Endpoint | None = None
    debug: int | None = None

    @property
    def published(self) -> tuple[Endpoint, ...]:
        """All of them."""
        on_loopback = [port for port in (self.http, self.issuer, self.direct, self.debug) if port is not None]
        others = [self.hub_api] if self.hub_api else []
        return (*(Endpoint(LOOPBACK, port) for port in on_loopback), *others)


def plan_ports(
    port: int,
    direct_port: int | None,
    *,
    local_issuer: bool = False,
    public_url: str = "",
    tunnel: str = "",
    hub_api: Endpoint | None = None,
    inside: Mapping[int, str] | None = None,
) -> Ports:
    """The ports of an instance.

    :param port: the sign-in port.
    :param direct_port: where the proxy is to take tokens instead of signing users in, if so.
    :param local_issuer: whether the pod has an issuer, with a proxy in front of JupyterHub.
    :param public_url: where browsers find the sign-in port, if not there.
    :param tunnel: the name of the tunnel through which users come, if there is one: there is no sign-in port then.
    :param hub_api: where jobs outside the pod reach the hub, if they do.
    :param inside: the ports that something in the pod listens on, as of :func:`container_ports`.
    :raises ConfigError: two ports are the same, or ``--direct-port`` where no proxy signs users in.
    """
    if not local_issuer:
        if direct_port is not None:
            raise ConfigError(
                "--direct-port: "
                + (
                    f"users of this environment come only through its {tunnel} tunnel"
                    if tunnel
                    else "this environment's sign-in port is the only one"
                ),
                hint="it is for environments whose proxy signs users in, such as dev_realauth",
            )
        return Ports(None if tunnel else port, hub_api=hub_api)
    issuer = port + ISSUER_OFFSET
    named = {f"--port {port}": loopback_url(port)} | (
        {f"publicUrl: {public_url}": public_url} if public_url else {}
    )
    for source, url in named.items():
        there = port_of(url) + ISSUER_OFFSET
        if taken := _taken_inside(there, inside or {}):
            raise ConfigError(
                f"{source}: the issuer's port would be {there}, which is {taken}", hint="choose another port"
            )
    if direct_port in (port, issuer):
        what = "the sign-in port" if direct_port == port else f"the issuer's port (--port + {ISSUER_OFFSET})"
        raise ConfigError(f"--direct-port {direct_port}: is {what} already", hint="choose another")
    return Ports(port, issuer, direct_port)


def with_debugger(ports: Ports, port: int) -> Ports:
    """The same, and one for a debugger.

    :param port: the sign-in port.
    :raises ConfigError: there is no such port, or it is another's.
    """
    debug = port + DEBUG_OFFSET
    if debug > LAST_PORT or debug in (ports.issuer, ports.direct):
        why = f"above {LAST_PORT}" if debug > LAST_PORT else "already the issuer's or the direct port"
        raise ConfigError(
            f"--debug: the debugger's port would be {debug}, which is {why}", hint="choose another --port"
        )
    return replace(ports, debug=debug)


def _taken_inside(issuer: int, inside: Mapping[int, str]) -> str:
    """Why the port cannot be the issuer's: in the pod, where it leads to the issuer, it is another's."""
    if issuer > LAST_PORT:
        return f"above {LAST_PORT}, the last port"
    if issuer in SLURMD_PORTS:
        return "kept for Slurm's nodes"
    name = inside.get(issuer, ISSUER)
    return "" if name == ISSUER else f"that of {name} in the pod"


def container_ports(pod: Document) -> dict[int, str]:
    """The ports that something in the pod listens on, with the names that the manifest gives them."""
    entries = [entry for container in pod["spec"]["containers"] for entry in container.get("ports") or ()]
    return {entry["containerPort"]: entry["name"] for entry in entries}


def hub_api_endpoint(hub_connect_url: str) -> Endpoint:
    """Where the hub's API is published so that jobs reach it at this URL; its path is the hub's own.

    :param hub_connect_url: the deployment's hubConnectUrl.
    :returns: an address, or the name of a host.
    :raises ValueError: nothing can be published there.
    """
    parts = urlsplit(hub_connect_url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not host or is_local(host):
        raise ValueError(
            "must be http://ADDRESS:PORT with an address of this machine, where the API is published; on loopback jobs "
            "would send their tokens to their own node"
        )
    return Endpoint(host, parts.port or 80)


def loopback_url(port: int) -> str:
    """The address of something that is published on this machine alone."""
    return f"http://{LOOPBACK}:{port}"


def port_of(url: str) -> int:
    """The port of an http:// URL."""
    return urlsplit(url).port or HTTP_PORT


def beside(url: str) -> str:
    """Where the local issuer is, if the sign-in port is at a URL."""
    return f"http://{urlsplit(url).hostname}:{port_of(url) + ISSUER_OFFSET}"


def publish(pod: Document, ports: Ports) -> None:
    """Write the published ports into a pod, which is changed."""
    for container in pod["spec"]["containers"]:
        if container["name"] == "jupyterhub" and ports.debug is not None:
            entry = {"name": "debugger", "containerPort": DEBUGGER_PORT, "protocol": "TCP"}
            container.setdefault("ports", []).append(entry | {"hostIP": LOOPBACK, "hostPort": ports.debug})
        for entry in container.get("ports") or ():
            if entry.get("name") == "http" and "hostPort" in entry:
                entry["hostPort"] = ports.http
            if entry.get("name") == ISSUER:
                entry["hostPort"] = ports.issuer
            if entry.get("name") == "hub-api" and ports.hub_api:
                entry["hostIP"], entry["hostPort"] = ports.hub_api
            if entry.get("name") == "tokens" and ports.direct is not None:
                entry["hostIP"], entry["hostPort"] = LOOPBACK, ports.direct
