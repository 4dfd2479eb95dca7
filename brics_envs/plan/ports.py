"""Which ports an instance publishes; collisions are refused. Pure. May import: errors, config, plan.overlay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from brics_envs.config.addresses import is_local
from brics_envs.errors import ConfigError
from brics_envs.plan.overlay import Document

LOOPBACK = "127.0.0.1"

HTTP_PORT = 8000
"""Where the hub's proxy listens in the pod."""

ISSUER_OFFSET = 90
"""The local issuer's port is the sign-in port plus this: a second instance needs no further option."""

POD_PORTS = {
    22: "sshd",
    6817: "slurmctld",
    6818: "slurmd",
    8000: "the hub's proxy",
    8001: "the proxy's API",
    8010: "the sign-in proxy",
    8081: "the hub's API",
}
"""What listens inside the pod; the issuer's port, the same inside and outside, must be none of these."""


class Endpoint(NamedTuple):
    """An address and a TCP port of this machine."""

    address: str
    port: int


@dataclass(frozen=True)
class Ports:
    """What is published under which port, on 127.0.0.1 but for the last; None: not published.

    ``http`` is what users open; ``issuer`` the local issuer, whose port is the same in the pod; ``direct`` JupyterHub
    past the proxy that is in front of it; ``hub_api`` where jobs elsewhere reach the hub.
    """

    http: int | None
    issuer: int | None = None
    direct: int | None = None
    hub_api: Endpoint | None = None

    @property
    def published(self) -> tuple[Endpoint, ...]:
        """All of them."""
        on_loopback = [port for port in (self.http, self.issuer, self.direct) if port is not None]
        others = [self.hub_api] if self.hub_api else []
        return (*(Endpoint(LOOPBACK, port) for port in on_loopback), *others)


def plan_ports(
    port: int,
    direct_port: int | None,
    *,
    local_issuer: bool = False,
    zenith: bool = False,
    hub_api: Endpoint | None = None,
) -> Ports:
    """The ports of an instance.

    :param port: the sign-in port.
    :param direct_port: where JupyterHub is wanted past the proxy, if so.
    :param local_issuer: whether the pod has an issuer, with a proxy in front of JupyterHub.
    :param zenith: whether users come through a Zenith tunnel, so that there is no sign-in port.
    :param hub_api: where jobs outside the pod reach the hub, if they do.
    :raises ConfigError: two ports are the same, or ``--direct-port`` where there is no proxy to pass.
    """
    if not local_issuer:
        if direct_port is not None:
            raise ConfigError(
                "--direct-port: "
                + (
                    "users of this environment come through its Zenith tunnel alone"
                    if zenith
                    else "this environment publishes JupyterHub's own port already"
                ),
                hint="it is for environments with a proxy in front of JupyterHub, such as dev_realauth",
            )
        return Ports(None if zenith else port, hub_api=hub_api)
    issuer = port + ISSUER_OFFSET
    if issuer > 65535 or issuer in POD_PORTS:
        taken = POD_PORTS.get(issuer, "above 65535, the last port")
        raise ConfigError(
            f"--port {port}: the issuer's port would be {issuer}, which is {taken}",
            hint="choose another --port",
        )
    if direct_port in (port, issuer):
        what = "the sign-in port" if direct_port == port else f"the issuer's port (--port + {ISSUER_OFFSET})"
        raise ConfigError(f"--direct-port {direct_port}: is {what} already", hint="choose another")
    return Ports(port, issuer, direct_port)


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


def publish(pod: Document, ports: Ports) -> None:
    """Write the published ports into a pod, which is changed."""
    for container in pod["spec"]["containers"]:
        for entry in container.get("ports") or ():
            if entry.get("name") == "http" and "hostPort" in entry:
                entry["hostPort"] = ports.http
            if entry.get("name") == "issuer":
                entry["containerPort"] = entry["hostPort"] = ports.issuer
            if entry.get("name") == "hub-api" and ports.hub_api:
                entry["hostIP"], entry["hostPort"] = ports.hub_api
        if container["name"] == "jupyterhub" and ports.direct is not None:
            container["ports"] = [
                {
                    "name": "direct",
                    "containerPort": HTTP_PORT,
                    "hostIP": LOOPBACK,
                    "hostPort": ports.direct,
                }
            ]
