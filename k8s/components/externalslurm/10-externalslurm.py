"""Fragment of jupyterhub_config.py: external Slurm, so that its jobs reach the hub's API from outside the pod."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy_settings import DEPLOY

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

# On the pod's own address: the port is published from there. configurable-http-proxy stays on loopback.
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://127.0.0.1:8081"
# Without a path: the hub adds its own.
url = urlsplit(DEPLOY["hubConnectUrl"])._replace(path="")
c.Spawner.hub_connect_url = url.geturl()


def addresses(host: str | None) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses of a host, in any form that the system takes; none if it has none here."""
    try:
        return {ipaddress.ip_address(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


# On a cluster nobody has checked it before.
if any(address.is_loopback or address.is_unspecified for address in addresses(url.hostname)):
    raise ValueError(
        f"hubConnectUrl: {url.geturl()} is on loopback: jobs would send their tokens to their own node"
    )
